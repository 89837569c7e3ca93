#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>

#include "arrays.h"
#include "bind_policies.h"
#include "bind_replay.h"
#include "bindings.h"
#include "cluster_handle.h"
#include "halcore/replay/node_backfill.h"
#include "halcore/replay/queue_replay.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace hal::bindings {
namespace {

using replay::ClusterMachine;
using replay::QueueEngine;
using replay::Seconds;
using QueuesPtr = std::shared_ptr<const QueueTree>;
using NodeReplayColumns =
    nb::typed<nb::tuple, NewColumn<Seconds>, NewColumn<Seconds>, NewColumn<Seconds>, NewColumn<Seconds>,
              NewColumn<Seconds>, NewColumn<Seconds>, NewColumn<std::uint32_t>, NewColumn<std::int64_t>,
              NewColumn<std::int32_t>, NewColumn<std::uint64_t>>;

/// A name, and for slots how deep, how far and how finely it plans.
using Rule = std::tuple<std::string, std::int32_t, Seconds, Seconds>;
/// Begin, end, and the nodes or what a job needs.
using Windows = std::vector<std::tuple<Seconds, Seconds, std::vector<std::string>, const JobHandle*>>;

/// Node, when it fails, and when it is back, if ever.
using Failures = std::vector<std::tuple<std::string, Seconds, std::optional<Seconds>>>;

/// The machine is for this alone: in another, rows are those of jobs.
std::vector<replay::NodeHold> holds_of(ClusterHandle& cluster, const std::shared_ptr<ClusterMachine>& machine,
                                       const Windows& windows) {
    std::vector<replay::NodeHold> holds;
    for (const auto& [begin, end, nodes, job] : windows)
        holds.push_back(job ? hold_room(machine, holds, begin, end, machine->add(cluster.request(*job)))
                            : hold_nodes(*machine, begin, end, nodes));
    return holds;
}

replay::QueueParts parts_of(const std::shared_ptr<ClusterMachine>& machine,
                            std::unique_ptr<replay::Order> order, const Rule& rule,
                            std::vector<replay::NodeHold> holds,
                            std::unique_ptr<replay::Prediction> prediction, const std::string& correction) {
    const auto& [backfill, depth, window, resolution] = rule;
    replay::QueueParts parts;
    parts.processors = replay::kMaxDuration;  // what fits is for the nodes to say
    parts.order = std::move(order);
    parts.backfill =
        replay::make_node_backfill(backfill, machine, {depth, window, resolution}, std::move(holds));
    parts.prediction = std::move(prediction);
    parts.correction = replay::make_correction(correction);
    return parts;
}

/// A live queue with the cluster whose lock it takes.
class NodeQueue {
  public:
    NodeQueue(ClusterHandle& cluster, const PolicyHandle& policy, const QueuesPtr& queues,
              std::unique_ptr<replay::Order> order, const Rule& rule, const Windows& windows,
              std::unique_ptr<replay::Prediction> prediction, const std::string& correction)
        : cluster_(cluster) {
        cluster.run([&](Cluster&, Engine& engine) {
            machine_ = std::make_shared<ClusterMachine>(engine, policy.policy, queues);
            const auto aside = std::make_shared<ClusterMachine>(engine, policy.policy, queues);
            engine_ = std::make_unique<QueueEngine>(parts_of(machine_, std::move(order), rule,
                                                             holds_of(cluster, aside, windows),
                                                             std::move(prediction), correction));
        });
    }

    void submit(Seconds now, const JobHandle& job, Seconds requested, std::int32_t procs, std::int32_t user,
                double priority, const replay::Guess& given) {
        cluster_.run([&](Cluster&, Engine&) {
            replay::JobSpec spec;
            spec.requested = requested;
            spec.procs = procs;
            spec.user = user;
            spec.priority = priority;
            spec.given = given;
            spec.row = machine_->add(cluster_.request(job));
            engine_->submit(now, spec);
        });
    }
    /// Refuses a job that could never run. What is submitted is not looked at again: the nodes may have gone.
    void check(const JobHandle& job) {
        cluster_.run([&](Cluster&, Engine&) { machine_->check(cluster_.request(job)); });
    }
    void finish(Seconds now, replay::JobId job) {
        cluster_.run([&](Cluster&, Engine&) { engine_->finish(now, job); });
    }
    void stop(Seconds now, replay::JobId job) {
        cluster_.run([&](Cluster&, Engine&) { engine_->stop(now, job); });
    }
    void cancel(Seconds now, replay::JobId job) {
        cluster_.run([&](Cluster&, Engine&) { engine_->cancel(now, job); });
    }
    void tick(Seconds now) {
        cluster_.run([&](Cluster&, Engine&) { engine_->tick(now); });
    }
    std::vector<replay::JobId> started() const {
        return {engine_->started().begin(), engine_->started().end()};
    }
    Seconds now() const { return engine_->state().now(); }
    std::int64_t free() {
        return cluster_.run([&](Cluster& c, Engine&) {
            std::int64_t milli = 0;
            for (NodeId n = 0; n < c.node_slots(); ++n)
                if (c.present(n)) milli += c.free(kCpu, n);
            return milli / 1000;
        });
    }
    std::size_t waiting() const { return engine_->state().queue().size(); }
    std::optional<Seconds> next_wake() const {
        const Seconds wake = engine_->next_wake();
        return wake == replay::kNever ? std::nullopt : std::optional(wake);
    }
    Seconds promise(replay::JobId job) const {
        if (job >= engine_->state().jobs().size())
            throw InvalidModel("job " + std::to_string(job) + " was never submitted");
        return engine_->promise(job);
    }
    /// Node and devices of each task where the job was placed last.
    std::vector<std::pair<std::string, std::uint64_t>> places(replay::JobId job) {
        return cluster_.run([&](Cluster& c, Engine&) {
            if (job >= engine_->state().jobs().size())
                throw InvalidModel("job " + std::to_string(job) + " was never submitted");
            std::vector<std::pair<std::string, std::uint64_t>> out;
            for (const TaskPlace& task : machine_->places(engine_->state().jobs()[job].row))
                out.emplace_back(c.name(task.node), task.devices);
            return out;
        });
    }

  private:
    ClusterHandle& cluster_;
    std::shared_ptr<ClusterMachine> machine_;
    std::unique_ptr<QueueEngine> engine_;
};

NodeReplayColumns replay_on_nodes(ClusterHandle& cluster, const std::vector<const JobHandle*>& jobs,
                                  const PolicyHandle& policy, const QueuesPtr& queues, Column<Seconds> submit,
                                  Column<Seconds> run, Column<std::int32_t> procs, Column<Seconds> requested,
                                  Column<std::int32_t> user, Column<double> priority, Column<Seconds> given,
                                  Column<Seconds> fill, Column<Seconds> rank, const nb::object& order,
                                  double ageing, double max_age, double half_life, const Rule& rule,
                                  const Windows& windows, const Failures& failures,
                                  Column<Seconds> checkpoint, const nb::object& prediction,
                                  const std::string& correction, Column<std::uint32_t> follower,
                                  Column<std::uint32_t> other, Column<std::uint8_t> kind,
                                  Column<Seconds> delay, Column<std::uint8_t> failed) {
    if (checkpoint.shape(0) != jobs.size())
        throw InvalidModel("checkpoint: " + std::to_string(checkpoint.shape(0)) + " for " +
                           std::to_string(jobs.size()) + " rows; give one a row");
    if (jobs.size() != submit.shape(0))
        throw InvalidModel("jobs: " + std::to_string(jobs.size()) + " for " +
                           std::to_string(submit.shape(0)) + " rows; give one a row");
    auto who_is_next = order_of(order, ageing, max_age, half_life);
    auto guess = prediction_of(prediction);
    replay::ReplayResult result;
    std::vector<std::int64_t> begin{0};
    std::vector<std::int32_t> node;
    std::vector<std::uint64_t> devices;
    cluster.run([&](Cluster&, Engine& engine) {
        const auto machine = std::make_shared<ClusterMachine>(engine, policy.policy, queues);
        for (const JobHandle* job : jobs) {
            machine->check(cluster.request(*job));
            machine->add(cluster.request(*job));
        }
        const auto aside = std::make_shared<ClusterMachine>(engine, policy.policy, queues);
        auto holds = holds_of(cluster, aside, windows);
        std::vector<replay::NodeFailure> down;
        for (const auto& [name, at, back] : failures)
            down.push_back({at, back.value_or(replay::kNever), name});
        const auto every = as_span(checkpoint);
        replay::NodeOutages outages(machine, std::move(down), {every.begin(), every.end()});
        result = replay::replay_queue(
            log_of(submit, run, procs, requested, user, priority, given, fill, rank, follower, other, kind,
                   delay, failed),
            parts_of(machine, std::move(who_is_next), rule, std::move(holds), std::move(guess), correction),
            failures.empty() ? nullptr : &outages);
        for (std::uint32_t row = 0; row < machine->size(); ++row) {
            for (const TaskPlace& task : machine->places(row)) {
                node.push_back(static_cast<std::int32_t>(task.node));
                devices.push_back(task.devices);
            }
            begin.push_back(static_cast<std::int64_t>(node.size()));
        }
    });
    return nb::make_tuple(to_numpy(std::move(result.start)), to_numpy(std::move(result.entered)),
                          to_numpy(std::move(result.promise)), to_numpy(std::move(result.first_guess)),
                          to_numpy(std::move(result.run)), to_numpy(std::move(result.requested)),
                          to_numpy(std::move(result.origin)), to_numpy(std::move(begin)),
                          to_numpy(std::move(node)), to_numpy(std::move(devices)));
}

}  // namespace

void bind_node_queue(nb::module_& m) {
    nb::class_<NodeQueue>(m, "NodeQueue")
        .def(
            "__init__",
            [](NodeQueue* self, ClusterHandle& cluster, const PolicyHandle& policy, const QueuesPtr& queues,
               const std::string& order, double ageing, double max_age, double half_life, const Rule& rule,
               const Windows& windows, const std::string& prediction, const std::string& correction) {
                new (self) NodeQueue(cluster, policy, queues,
                                     replay::make_order(order, {ageing, max_age, half_life}), rule, windows,
                                     replay::make_prediction(prediction), correction);
            },
            nb::keep_alive<1, 2>(), "cluster"_a, "policy"_a, "queues"_a.none(), "order"_a, "ageing"_a,
            "max_age"_a, "half_life"_a, "backfill"_a, "windows"_a, "prediction"_a, "correction"_a)
        .def(
            "submit",
            [](NodeQueue& self, Seconds now, const JobHandle& job, Seconds requested, std::int32_t procs,
               std::int32_t user, double priority, Seconds given, Seconds fill, Seconds rank) {
                self.submit(now, job, requested, procs, user, priority, {given, fill, rank});
            },
            "now"_a, "job"_a, "requested"_a, "procs"_a, "user"_a, "priority"_a, "given"_a, "fill"_a, "rank"_a)
        .def("check", &NodeQueue::check, "job"_a)
        .def("finish", &NodeQueue::finish, "now"_a, "job"_a)
        .def("stop", &NodeQueue::stop, "now"_a, "job"_a)
        .def("cancel", &NodeQueue::cancel, "now"_a, "job"_a)
        .def("tick", &NodeQueue::tick, "now"_a)
        .def("promise", &NodeQueue::promise, "job"_a)
        .def("places", &NodeQueue::places, "job"_a)
        .def_prop_ro("started", &NodeQueue::started)
        .def_prop_ro("now", &NodeQueue::now)
        .def_prop_ro("free", &NodeQueue::free)
        .def_prop_ro("waiting", &NodeQueue::waiting)
        .def_prop_ro("next_wake", &NodeQueue::next_wake);
    m.def("replay_on_nodes", &replay_on_nodes, "cluster"_a, "jobs"_a, "policy"_a, "queues"_a.none(),
          "submit"_a, "run"_a, "procs"_a, "requested"_a, "user"_a, "priority"_a, "given"_a, "fill"_a,
          "rank"_a, "order"_a, "ageing"_a, "max_age"_a, "half_life"_a, "backfill"_a, "windows"_a,
          "failures"_a, "checkpoint"_a, "prediction"_a, "correction"_a, "follower"_a, "other"_a, "kind"_a,
          "delay"_a, "failed"_a);
}

}  // namespace hal::bindings

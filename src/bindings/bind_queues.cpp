#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "bind_model.h"
#include "bindings.h"
#include "cluster_handle.h"
#include "halcore/engine/fair_order.h"
#include "halcore/model/error.h"
#include "halcore/model/use_history.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace hal::bindings {
namespace {

using QueuesPtr = std::shared_ptr<const QueueTree>;
using QueueTuple = std::tuple<std::string, std::string, Amounts, Amounts, double, bool>;
using BlockTuple = std::tuple<std::string, std::string, std::string, std::int64_t, std::int64_t, std::int64_t,
                              std::int64_t, std::string>;

struct HistoryHandle {
    HistoryHandle(QueuesPtr queues, double half_life) : tree(std::move(queues)), history(*tree, half_life) {}
    QueuesPtr tree;
    UseHistory history;
};

// The answer of queue_order(): why a job waits is put in words only when someone asks.
struct OrderHandle {
    QueuesPtr tree;
    FairOrder found;
};

QueuesPtr make_tree(const std::vector<QueueTuple>& rows) {
    std::vector<QueueSpec> specs;
    for (const auto& [name, parent, guarantee, maximum, weight, lend] : rows) {
        specs.push_back({name, parent, guarantee, maximum, weight, lend});
    }
    nb::gil_scoped_release release;
    return std::make_shared<const QueueTree>(std::move(specs));
}

BlockTuple block_tuple(const QuotaBlock& b, const QueueTree& tree) {
    return {tree.name(b.queue),
            b.queue ? tree.path(b.queue) : "",
            tree.resources().name(b.resource),
            b.need,
            b.used,
            b.reserved,
            b.maximum,
            describe(b, tree)};
}

QueueId queue_of(const QueueTree& tree, const std::string& name) {
    const QueueId q = tree.find(name);
    if (q == kNoQueue) throw InvalidModel("queue '" + name + "': is unknown to the tree");
    return q;
}

// The columns of many jobs, each distinct shape and queue looked up once.
struct Columns {
    Columns(const QueueTree& tree, const std::vector<const JobHandle*>& jobs) {
        std::unordered_map<std::uint64_t, std::uint32_t> shapes;
        std::unordered_map<std::uint64_t, QueueId> queues;
        for (const JobHandle* job : jobs) {
            auto [s, new_shape] =
                shapes.try_emplace(job->shape->uid, static_cast<std::uint32_t>(needs.size()));
            if (new_shape) quota_need(job->shape->spec, tree, needs.emplace_back());
            auto [q, new_queue] = queues.try_emplace(job->traits ? job->traits->uid : 0, 0);
            if (new_queue) q->second = tree.leaf_for(job->name, job->traits ? job->traits->spec.queue : "");
            need.push_back(s->second);
            queue.push_back(q->second);
            priority.push_back(job->priority);
            tasks.push_back(job->tasks);
        }
    }
    PendingJobs view() const { return {queue, priority, tasks, need, needs}; }
    std::vector<std::uint32_t> need;
    std::vector<QueueId> queue;
    std::vector<std::int32_t> priority, tasks;
    std::vector<std::vector<QuotaAmount>> needs;
};

// Shares are measured against the cluster's capacity, the amounts given, or what the top queues may have.
std::vector<double> capacities(const QueueTree& tree, const std::vector<std::int64_t>& totals,
                               const std::optional<Amounts>& given, const Columns& jobs) {
    std::vector<double> out(tree.resource_count(), 0);
    for (std::uint32_t r = 0; r < out.size(); ++r) {
        const std::string& name = tree.resources().name(r);
        bool known = !totals.empty();
        if (known) out[r] = static_cast<double>(totals[r]);
        if (given) {
            for (const auto& [resource, amount] : *given) {
                if (resource == name) out[r] = static_cast<double>(amount), known = true;
            }
        } else if (!known) {
            for (QueueId q = tree.first_child(0); q < tree.first_child(0) + tree.child_count(0); ++q) {
                const bool limited = tree.maximum(q, r) != QueueTree::kNoLimit;
                out[r] += static_cast<double>(limited ? tree.maximum(q, r) : tree.guarantee(q, r));
            }
            known = out[r] > 0;
        }
        for (const auto& need : jobs.needs) {
            for (const auto& amount : need) {
                if (amount.resource == r && !known) {
                    throw InvalidModel("capacity: of " + name +
                                       " is unknown, but jobs ask for it; give cluster= or capacity=");
                }
            }
        }
    }
    return out;
}

OrderHandle order(const QueuesPtr& tree, const std::vector<const JobHandle*>& jobs, ClusterHandle* cluster,
                  const std::optional<Amounts>& capacity, const HistoryHandle* history, double now) {
    FairOrder found;
    {
        nb::gil_scoped_release release;
        const Columns columns(*tree, jobs);
        std::vector<double> average;
        if (history) average = history->history.at(now);
        const auto decide = [&](const QuotaBooks& books, const std::vector<std::int64_t>& totals) {
            found = fair_order(*tree, books, average, capacities(*tree, totals, capacity, columns),
                               columns.view());
        };
        if (cluster) {
            nb::gil_scoped_acquire acquire;
            cluster->run([&](Cluster& c, Engine& engine) {
                decide(engine.ledger(tree).books(), quota_totals(c, *tree, false));
            });
        } else {
            decide(QuotaBooks(*tree), {});
        }
    }
    return {tree, std::move(found)};
}

using ReclaimTuple =
    std::tuple<bool, std::vector<std::pair<std::string, std::string>>, std::optional<BlockTuple>>;

ReclaimTuple reclaim_for(const QueuesPtr& tree, ClusterHandle& handle, const JobHandle& job) {
    Reclaim found;
    std::vector<std::pair<std::string, std::string>> victims;
    handle.run([&](Cluster& c, Engine& engine) {
        QuotaLedger& ledger = engine.ledger(tree);
        const QueueId leaf = tree->leaf_for(job.name, job.traits ? job.traits->spec.queue : "");
        std::vector<QuotaAmount> need;
        quota_need(job.shape->spec, *tree, need);
        for (auto& [resource, amount] : need) amount *= job.tasks;
        const auto totals = quota_totals(c, *tree, false);
        const std::vector<double> capacity(totals.begin(), totals.end());
        found = reclaim(*tree, ledger.books(), quota_totals(c, *tree, true), capacity, leaf, need,
                        ledger.running());
        for (const auto& victim : found.victims) {
            const std::string& name = c.job(victim.id).name();
            victims.emplace_back(name.empty() ? "#" + std::to_string(victim.id) : name,
                                 tree->name(victim.branch));
        }
    });
    std::optional<BlockTuple> block;
    if (!found.enough) block = block_tuple(found.block, *tree);
    return {found.enough, std::move(victims), std::move(block)};
}

std::vector<std::pair<std::string, std::int64_t>> used(const QueuesPtr& tree, ClusterHandle& handle,
                                                       const std::string& queue) {
    return handle.run([&](Cluster&, Engine& engine) {
        std::vector<std::pair<std::string, std::int64_t>> amounts;
        const QueueId q = queue_of(*tree, queue);
        for (std::uint32_t r = 0; r < tree->resource_count(); ++r) {
            amounts.emplace_back(tree->resources().name(r), engine.ledger(tree).books().used(q, r));
        }
        return amounts;
    });
}

void record(HistoryHandle& h, const std::string& queue, const Amounts& amounts, double start, double end) {
    const QueueId leaf = h.tree->leaf_for("", queue);
    for (const auto& [resource, amount] : amounts) {
        const std::uint32_t r = h.tree->resources().find(resource);
        if (r != Interner::kNone) h.history.record(leaf, r, amount, start, end);
    }
}

std::vector<std::pair<std::string, double>> average(const HistoryHandle& h, const std::string& queue,
                                                    double now) {
    const std::vector<double> all = h.history.at(now);
    const QueueId q = queue_of(*h.tree, queue);
    std::vector<std::pair<std::string, double>> amounts;
    for (std::uint32_t r = 0; r < h.tree->resource_count(); ++r) {
        amounts.emplace_back(h.tree->resources().name(r), all[h.tree->at(q, r)]);
    }
    return amounts;
}

}  // namespace

void bind_queues(nb::module_& m) {
    nb::class_<QueueTree>(m, "QueueTree", "Queues with quotas: immutable.")
        .def(nb::new_(&make_tree), "queues"_a,
             "queues: (name, parent or '', guarantee, maximum, weight, lend).")
        .def("path", [](const QueueTree& t, const std::string& name) { return t.path(queue_of(t, name)); })
        .def(
            "guarantee",
            [](const QueueTree& t, const std::string& name) {
                std::vector<std::pair<std::string, std::int64_t>> amounts;
                for (std::uint32_t r = 0; r < t.resource_count(); ++r) {
                    amounts.emplace_back(t.resources().name(r), t.guarantee(queue_of(t, name), r));
                }
                return amounts;
            },
            "By resource: its own, or else what its children are guaranteed.");
    nb::class_<HistoryHandle>(m, "UseHistory", "Past use of queues, forgotten by half every half-life.")
        .def(nb::init<QueuesPtr, double>(), "tree"_a, "half_life"_a)
        .def("record", &record, "queue"_a, "amounts"_a, "start"_a, "end"_a)
        .def("average", &average, "queue"_a, "now"_a);
    nb::class_<OrderHandle>(m, "QueueOrder", "Fair order of jobs; the arrays are copies.")
        .def(
            "rows", [](OrderHandle& o) { return to_numpy(std::vector(o.found.order)); },
            "That may start, in order.")
        .def(
            "borrows", [](OrderHandle& o) { return to_numpy(std::vector(o.found.borrows)); },
            "uint8 by entry of rows: its queue is beyond its guarantee with it.")
        .def(
            "waiting", [](OrderHandle& o) { return to_numpy(std::vector(o.found.waiting)); },
            "Rows that may not.")
        .def(
            "block",
            [](const OrderHandle& o, std::size_t i) {
                if (i >= o.found.blocks.size())
                    throw InvalidModel("block: " + std::to_string(i) + " is no waiting job");
                return block_tuple(o.found.blocks[i], *o.tree);
            },
            "Why the i-th of waiting waits: queue, path, resource, need, used, reserved, maximum, text.");
    m.def("queue_order", &order, "tree"_a, "jobs"_a, "cluster"_a.none() = nb::none(),
          "capacity"_a.none() = nb::none(), "history"_a.none() = nb::none(), "now"_a = 0.0);
    m.def("queue_reclaim", &reclaim_for, "tree"_a, "cluster"_a, "job"_a,
          "(whether it is enough, (job, borrowing branch), what is still in the way or None).");
    m.def("queue_used", &used, "tree"_a, "cluster"_a, "queue"_a);
}

}  // namespace hal::bindings

#include "halcore/replay/simulator.h"

#include <algorithm>
#include <cmath>

#include "halcore/policies/registry.h"
#include "halcore/replay/node_load.h"

namespace hal::replay {

namespace {

PowerModel awake_only(PowerModel model) {
    model.sleep.clear();  // sleeping is the simulator's business
    return model;
}

}  // namespace

Simulator::Simulator(Engine& engine, SimulationOptions options, Arrivals arrivals,
                     std::vector<std::shared_ptr<const Policy>> policies)
    : engine_(engine),
      cluster_(engine.cluster()),
      options_((options.check(), std::move(options))),
      arrivals_(std::move(arrivals)),
      policies_(std::move(policies)),
      power_(awake_only(options_.power), cluster_),
      runs_(cluster_.node_slots()),
      nodes_(cluster_.node_slots()),
      places_(arrivals_.time.size()),
      gang_of_(arrivals_.time.size(), -1),
      waiting_(cluster_, arrivals_.shape, arrivals_.tasks),
      random_(options_.failures.seed),
      sums_(cluster_),
      drift_(options_.half_life) {
    const std::size_t count = arrivals_.time.size();
    jobs_ = {std::vector(count, std::nan("")), std::vector(count, std::nan("")),
             std::vector<std::int32_t>(count, -1), std::vector<std::int32_t>(count, 0),
             std::vector<std::uint8_t>(count, 0)};
    for (auto& group : waiting_.groups())
        group.feasible = group.tasks <= engine_.matcher().capacity(group.shape);
    capacity_ = sums_.read();
    for (NodeId n = 0; n < cluster_.node_slots(); ++n) {
        if (!cluster_.present(n)) {
            nodes_[n].state = State::Down;
            continue;
        }
        refresh(n);
        if (options_.failures.mean_between > 0 && cluster_.node_class(n).schedulable) schedule_failure(n);
    }
}

BoundPolicy& Simulator::policy_for(double p) {
    const auto level = static_cast<std::size_t>(std::lround(p * static_cast<double>(kLevels - 1)));
    return engine_.bound(policies_[policies_.size() == 1 ? 0 : level]);
}

bool Simulator::finished() const {
    return next_arrival_ == arrivals_.time.size() && running_ == 0 && down_ == 0;
}

bool Simulator::advance(double until, double p) {
    bound_ = &policy_for(p);
    const double begin = now_, joules_before = joules_;
    queue_peak_ = waiting_.size();
    pending_peak_ = signals::share_of(capacity_, waiting_.pending());
    while (!finished()) {
        const double end = runs_.due();
        const double other = events_due_.empty() ? kForever : events_due_.top().time;
        const double arrival =
            next_arrival_ < arrivals_.time.size() ? arrivals_.time[next_arrival_] : kForever;
        const double next = std::min({end, other, arrival});
        if (next > until || next == kForever) break;
        pass_time(next);
        if (end == next) {
            const NodeId n = runs_.due_node();
            this->end(runs_.pop(n, now_));
            look_at_queue();
        } else if (other == next) {
            const Event event = events_due_.top();
            events_due_.pop();
            handle(event);
        } else {
            arrive(next_arrival_++);
        }
    }
    pass_time(until);
    write_row(p, begin, joules_before);
    return !finished();
}

void Simulator::pass_time(double to) {
    joules_ += static_cast<double>(milliwatts_) / 1000 * (to - now_);
    now_ = to;
}

void Simulator::arrive(std::uint32_t job) {
    ++events_;
    if (!waiting_.group_of(job).feasible) {
        jobs_.infeasible[job] = 1;
        return;
    }
    const bool blocked = options_.first_come ? waiting_.size() > 0 : waiting_.waits_alike(job);
    if (!blocked && start(job)) return;
    waiting_.push(job);
    queue_changed();
}

void Simulator::queue_changed() {
    const double work = signals::share_of(capacity_, waiting_.pending());
    queue_peak_ = std::max(queue_peak_, waiting_.size());
    pending_peak_ = std::max(pending_peak_, work);
    drift_.set(now_, work);
}

void Simulator::look_at_queue() {
    const std::int64_t before = waiting_.size();
    waiting_.pass(options_.first_come, [this](std::uint32_t job) { return start(job); });
    if (waiting_.size() != before) queue_changed();
}

bool Simulator::start(std::uint32_t job) {
    const auto& group = waiting_.group_of(job);
    tasks_.clear();
    while (static_cast<std::int32_t>(tasks_.size()) < group.tasks) {
        const Choice choice = bound_->choose(group.shape);
        if (choice.node == kNoNode) {
            for (const TaskPlace& task : tasks_) cluster_.give(task);
            return false;
        }
        tasks_.push_back(cluster_.settle({choice.node, group.shape, bound_->pick(group.shape, choice.node)}));
        cluster_.take(tasks_.back());
    }
    ++events_;
    ++running_;
    places_[job] = TaskList(tasks_);
    jobs_.node[job] = static_cast<std::int32_t>(tasks_.front().node);
    double ready = now_;
    bool one = true;
    for (const TaskPlace& task : tasks_) {
        Node& node = nodes_[task.node];
        one &= task.node == tasks_.front().node;
        if (node.state == State::Asleep) {
            --asleep_;
            node.state = State::Waking;
            node.ready = now_ + options_.sleep.wake;
            events_due_.push({node.ready, Kind::Wake, task.node, ++node.version});
        }
        if (node.state == State::Waking) ready = std::max(ready, node.ready);
    }
    jobs_.start[job] = ready;
    if (one) {
        const NodeId n = tasks_.front().node;
        runs_.start(n, now_, job, arrivals_.duration[job]);
        refresh(n);
        return true;
    }
    std::vector<NodeId> nodes;
    for (const TaskPlace& task : tasks_) nodes.push_back(task.node);
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    run_gang(job, std::move(nodes));
    return true;
}

void Simulator::release(std::uint32_t job) {
    for (const TaskPlace& task : places_[job]) cluster_.give(task);
    --running_;
}

void Simulator::end(std::uint32_t job) {
    ++events_;
    jobs_.end[job] = now_;
    release(job);
    const NodeId n = places_[job].front().node;
    places_[job] = {};
    if (gang_of_[job] < 0)
        refresh(n);
    else
        drop_gang(static_cast<std::uint32_t>(gang_of_[job]));
}

void Simulator::refresh(NodeId n) {
    Node& node = nodes_[n];
    const double load = load_of(cluster_, n);
    const std::uint32_t tasks = cluster_.task_count(n);
    const bool up = node.state == State::Awake;
    runs_.set_speed(n, now_, up ? options_.contention.speed(load, tasks) : 0.0);
    for (const std::uint32_t gang : node.gangs) refresh_gang(gang);

    milliwatts_ -= node.milliwatts;
    node.milliwatts = node.state == State::Down     ? 0
                      : node.state == State::Asleep ? options_.sleep.milliwatts
                                                    : power_.of(n);
    milliwatts_ += node.milliwatts;
    if (up && options_.sleep.after >= 0) {
        ++node.version;  // a new emptiness begins, or none
        if (tasks == 0) events_due_.push({now_ + options_.sleep.after, Kind::Sleep, n, node.version});
    }
}

signals::Signals Simulator::read() {
    signals::Signals s;
    s.time = now_;
    const signals::NodeTerms& sums = sums_.read();
    signals::read_load(sums, s);
    signals::read_queue(sums, waiting_.pending(), s);
    s.drift = drift_.at(now_);
    s.pending = waiting_.size();
    if (const std::uint32_t gang = waiting_.oldest_gang(); gang != UINT32_MAX)
        s.oldest_gang = now_ - arrivals_.time[gang];
    s.potential = signals::potential(s, options_.weights, drift_.tau());
    return s;
}

void Simulator::write_row(double p, double begin, double joules_before) {
    const double span = now_ - begin;
    const double watts =
        span > 0 ? (joules_ - joules_before) / span : static_cast<double>(milliwatts_) / 1000;
    trace_.push_back({read(), p, watts, queue_peak_, pending_peak_, running_, asleep_, down_});
}

}  // namespace hal::replay

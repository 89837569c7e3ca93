// Nodes that fail, recover, sleep and wake, and jobs that span several of them.
#include <algorithm>
#include <cmath>

#include "halcore/model/error.h"
#include "halcore/replay/simulator.h"

namespace hal::replay {

void SimulationOptions::check() const {
    const auto within = [](const char* field, double value, double low, double high) {
        if (!(value >= low && value <= high))
            throw InvalidModel(std::string(field) + ": " + std::to_string(value) + " is not from " +
                               std::to_string(low) + " to " + std::to_string(high));
    };
    within("contention.strength", contention.strength, 0, 100);
    within("contention.threshold", contention.from, 0, 0.999);
    within("contention.exponent", contention.exponent, 0.1, 10);
    within("sleep.wake", sleep.wake, 0, 1e6);
    if (sleep.milliwatts < 0) throw InvalidModel("sleep.watts: is below 0");
    within("failures.mean_between", failures.mean_between, 0, 1e12);
    within("failures.repair", failures.repair, 0, 1e9);
    power.check();
}

void Simulator::handle(const Event& event) {
    if (event.kind == Kind::GangEnd) {
        const Gang& gang = gangs_[event.id];
        if (gang.version != event.version) return;
        end(gang.job);
        look_at_queue();
        return;
    }
    Node& node = nodes_[event.id];
    switch (event.kind) {
        case Kind::Sleep:
            if (node.version != event.version || node.state != State::Awake) return;
            node.state = State::Asleep;
            ++asleep_;
            refresh(event.id);
            return;
        case Kind::Wake:
            if (node.version != event.version || node.state != State::Waking) return;
            node.state = State::Awake;
            refresh(event.id);
            return;
        case Kind::Fail:
            fail(event.id);
            break;
        default:
            repair(event.id);
    }
    look_at_queue();
}

// ---- gangs ---------------------------------------------------------------------------------------

void Simulator::run_gang(std::uint32_t job, std::vector<NodeId> nodes) {
    std::uint32_t id;
    if (free_gangs_.empty()) {
        id = static_cast<std::uint32_t>(gangs_.size());
        gangs_.emplace_back();
    } else {
        id = free_gangs_.back();
        free_gangs_.pop_back();
    }
    Gang& gang = gangs_[id];
    gang.job = job;
    gang.left = arrivals_.duration[job];
    gang.at = now_;
    gang.speed = 0;
    gang.nodes = std::move(nodes);
    gang_of_[job] = static_cast<std::int32_t>(id);
    for (const NodeId n : gang.nodes) {
        nodes_[n].gangs.push_back(id);
    }
    for (const NodeId n : std::vector<NodeId>(gang.nodes)) refresh(n);
}

void Simulator::refresh_gang(std::uint32_t id) {
    Gang& gang = gangs_[id];
    double speed = 1;
    for (const NodeId n : gang.nodes) speed = std::min(speed, runs_.speed(n));
    gang.left = std::max(0.0, gang.left - (now_ - gang.at) * gang.speed);
    gang.at = now_;
    gang.speed = speed;
    ++gang.version;
    if (speed > 0) events_due_.push({now_ + gang.left / speed, Kind::GangEnd, id, gang.version});
}

void Simulator::drop_gang(std::uint32_t id) {
    Gang& gang = gangs_[id];
    ++gang.version;
    gang_of_[gang.job] = -1;
    const std::vector<NodeId> nodes = std::move(gang.nodes);
    free_gangs_.push_back(id);
    for (const NodeId n : nodes) {
        auto& gangs = nodes_[n].gangs;
        gangs.erase(std::find(gangs.begin(), gangs.end(), id));
    }
    for (const NodeId n : nodes) refresh(n);
}

// ---- failures ------------------------------------------------------------------------------------

void Simulator::schedule_failure(NodeId n) {
    const double uniform = static_cast<double>(random_.next() >> 11) * 0x1.0p-53;
    const double span = -options_.failures.mean_between * std::log1p(-uniform);
    events_due_.push({now_ + span, Kind::Fail, n, 0});
}

void Simulator::set_schedulable(NodeId n, bool schedulable) {
    NodeSpec spec = cluster_.spec(n);
    spec.schedulable = schedulable;
    cluster_.update_node(std::move(spec));
    capacity_ = sums_.read();
    drift_.set(now_, signals::share_of(capacity_, waiting_.pending()));
}

void Simulator::fail(NodeId n) {
    Node& node = nodes_[n];
    if (node.state == State::Asleep) --asleep_;
    node.state = State::Down;
    ++node.version;
    ++down_;
    std::vector<std::uint32_t> lost = runs_.clear(n);
    for (const std::uint32_t id : std::vector<std::uint32_t>(node.gangs)) lost.push_back(gangs_[id].job);
    std::sort(lost.begin(), lost.end());
    for (const std::uint32_t job : lost) {
        release(job);
        places_[job] = {};
        ++jobs_.restarts[job];
        jobs_.start[job] = std::nan("");
        jobs_.node[job] = -1;
        if (gang_of_[job] >= 0) drop_gang(static_cast<std::uint32_t>(gang_of_[job]));
        waiting_.push(job);
    }
    set_schedulable(n, false);
    refresh(n);
    queue_changed();
    events_due_.push({now_ + options_.failures.repair, Kind::Repair, n, 0});
}

void Simulator::repair(NodeId n) {
    Node& node = nodes_[n];
    node.state = State::Awake;
    --down_;
    set_schedulable(n, true);
    refresh(n);
    schedule_failure(n);
}

}  // namespace hal::replay

#include "halcore/signals/monitor.h"

#include <algorithm>

namespace hal::signals {

Amount request_of(const Shape& shape, std::int32_t tasks) {
    const std::int64_t share = shape.milli > 0 ? shape.milli : kWholeGpu.value();
    return {shape.cpu * tasks, shape.memory * tasks, share * shape.gpus * tasks};
}

Monitor::Monitor(const Cluster& cluster, const Weights& weights, double half_life)
    : sums_(cluster), weights_(weights), drift_(half_life) {}

void Monitor::add(const Amount& request, std::int64_t sign, double now) {
    for (int r = 0; r < kResources; ++r) pending_[r] += sign * request[r];
    drift_.set(now, share_of(sums_.read(), pending_));
}

void Monitor::submitted(const std::string& job, const Amount& request, std::int32_t tasks, double now) {
    const auto [it, added] = waiting_.try_emplace(job, Waiting{request, tickets_, tasks > 1});
    if (!added) return;
    if (tasks > 1) {
        gangs_.emplace(tickets_, now);
        gang_order_.push_back(tickets_);
    }
    ++tickets_;
    add(request, 1, now);
}

void Monitor::left(const std::string& job, double now) {
    const auto it = waiting_.find(job);
    if (it == waiting_.end()) return;
    const Waiting was = it->second;
    waiting_.erase(it);
    if (was.gang) gangs_.erase(was.ticket);
    while (!gang_order_.empty() && !gangs_.contains(gang_order_.front())) gang_order_.pop_front();
    add(was.request, -1, now);
}

Signals Monitor::read(double now) {
    Signals s;
    s.time = now;
    const NodeTerms& sums = sums_.read();
    read_load(sums, s);
    read_queue(sums, pending_, s);
    drift_.set(now, s.pending_work);  // nodes that came or went change the share
    s.drift = drift_.at(now);
    s.pending = static_cast<std::int64_t>(waiting_.size());
    if (!gang_order_.empty()) s.oldest_gang = std::max(0.0, now - gangs_.at(gang_order_.front()));
    s.potential = potential(s, weights_, drift_.tau());
    return s;
}

}  // namespace hal::signals

#include "halcore/replay/waiting_jobs.h"

#include <algorithm>
#include <map>

namespace hal::replay {

WaitingJobs::WaitingJobs(const Cluster& cluster, std::vector<ShapeId> shape,
                         const std::vector<std::int32_t>& tasks) {
    std::map<std::pair<ShapeId, std::int32_t>, std::uint32_t> ids;
    group_.reserve(shape.size());
    for (std::size_t j = 0; j < shape.size(); ++j) {
        const auto [it, added] =
            ids.try_emplace({shape[j], tasks[j]}, static_cast<std::uint32_t>(groups_.size()));
        if (added)
            groups_.push_back(
                {shape[j], tasks[j], signals::request_of(cluster.shape(shape[j]), tasks[j]), true, {}});
        group_.push_back(it->second);
    }
}

void WaitingJobs::count(const Group& group, std::int64_t sign) {
    size_ += sign;
    for (int r = 0; r < signals::kResources; ++r) pending_[r] += sign * group.request[r];
}

void WaitingJobs::push(std::uint32_t job) {
    const std::uint32_t g = group_[job];
    Group& group = groups_[g];
    const auto enter = [&] {
        const std::pair head{group.jobs.top(), g};
        heads_.insert(std::lower_bound(heads_.begin(), heads_.end(), head), head);
    };
    if (group.jobs.empty()) {
        group.jobs.push(job);
        enter();
    } else if (job < group.jobs.top()) {  // one that failed comes back before those that came later
        heads_.erase(std::lower_bound(heads_.begin(), heads_.end(), std::pair{group.jobs.top(), g}));
        group.jobs.push(job);
        enter();
    } else {
        group.jobs.push(job);
    }
    count(group, 1);
}

void WaitingJobs::pop(std::size_t head) {
    const std::uint32_t g = heads_[head].second;
    Group& group = groups_[g];
    group.jobs.pop();
    count(group, -1);
    // The next of the group moves to its place; those between move up.
    if (group.jobs.empty()) {
        heads_.erase(heads_.begin() + static_cast<std::ptrdiff_t>(head));
        return;
    }
    const std::pair next{group.jobs.top(), g};
    for (; head + 1 < heads_.size() && heads_[head + 1] < next; ++head) heads_[head] = heads_[head + 1];
    heads_[head] = next;
}

std::uint32_t WaitingJobs::oldest_gang() const {
    for (const auto& [job, g] : heads_)
        if (groups_[g].tasks > 1) return job;
    return UINT32_MAX;
}

std::vector<std::uint32_t> WaitingJobs::jobs() const {
    std::vector<std::uint32_t> all;
    for (const auto& [job, g] : heads_)
        for (auto rest = groups_[g].jobs; !rest.empty(); rest.pop()) all.push_back(rest.top());
    std::sort(all.begin(), all.end());
    return all;
}

}  // namespace hal::replay

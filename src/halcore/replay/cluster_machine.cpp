#include "halcore/replay/cluster_machine.h"

#include <string>
#include <utility>

#include "halcore/engine/transaction.h"
#include "halcore/model/error.h"

namespace hal::replay {

PlaceResult ClusterMachine::place(std::uint32_t row, bool apply) {
    engine_.use_queues(queues_);
    return engine_.place(std::vector<JobRequest>{requests_[row]}, policy_, apply);
}

void ClusterMachine::check(const JobRequest& request) {
    if (request.name.empty()) throw InvalidModel("job: has no name; a queue knows its jobs by name");
    engine_.use_queues(queues_);
    const PlaceResult found = engine_.place(std::vector<JobRequest>{request}, policy_, false);
    if (found.status.front() == static_cast<std::uint8_t>(Status::Infeasible))
        throw InvalidModel("job '" + request.name +
                           "': would not fit if nothing else ran; hal.explain says why");
}

std::uint32_t ClusterMachine::add(JobRequest request) {
    requests_.push_back(std::move(request));
    places_.emplace_back();
    return static_cast<std::uint32_t>(requests_.size() - 1);
}

bool ClusterMachine::take(std::uint32_t row) {
    if (name_is_taken(row)) return false;
    Transaction trial(cluster());  // a refusal must not count as a job seen
    const PlaceResult found = place(row, true);
    if (found.ids.front() == kNoJob) return false;
    places_[row] = cluster().job(found.ids.front()).tasks;
    trial.keep();
    return true;
}

bool ClusterMachine::fits(std::uint32_t row) {
    return !name_is_taken(row) &&
           place(row, false).status.front() == static_cast<std::uint8_t>(Status::Placed);
}

void ClusterMachine::give(std::uint32_t row) {
    const hal::JobId id = cluster().find_job(requests_[row].name);
    if (id != kNoJob) cluster().remove_job(id);
}

bool ClusterMachine::alike(std::uint32_t a, std::uint32_t b) const {
    const JobRequest& x = requests_[a];
    const JobRequest& y = requests_[b];
    return !x.gang && !y.gang && x.shape == y.shape && x.tasks == y.tasks && x.traits == y.traits;
}

}  // namespace hal::replay

// The engine's side of gangs: what place() and resize() do with the stage's answers.
#include <algorithm>

#include "halcore/engine/engine.h"
#include "halcore/engine/transaction.h"
#include "halcore/model/error.h"

namespace hal {
namespace {

// Rooms of nodes for a gang are counted in shares, which says too little about GPU instances.
void refuse_profiles(const Cluster& cluster, const Gang& gang, const std::string& name) {
    for (const Gang::Role& role : gang.roles) {
        if (cluster.shape(role.shape).profile == kNoProfile) continue;
        throw InvalidModel("job " + name + ": gpu_profile '" +
                           profile_name(cluster.shape(role.shape).profile) +
                           "' in a gang with levels, roles or a changing size; give tasks= alone");
    }
}

}  // namespace

void Engine::place_gang(const JobRequest& job, const std::shared_ptr<const Policy>& policy, bool apply,
                        PlaceResult& out) {
    const Gang& gang = *job.gang;
    refuse_profiles(cluster_, gang, "'" + job.name + "'");
    for (const auto& role : gang.roles) cluster_.count_seen(role.shape, 1);
    GangPlaces places;
    places.traits = job.traits;
    bool placed = false;
    auto over = over_quota(job);  // of the least it takes
    if (!over) {
        Transaction all(cluster_);
        placed = gangs_.place(gang, bound(policy), places);
        if (placed && queues_) over = ledger(queues_).refuses(job.traits, places.tasks);
        placed &= !over;
        if (placed) all.keep();
    }
    const bool never = (over && over->never) || !gangs_.could_ever_fit(gang);
    const Status status = placed ? Status::Placed : never ? Status::Infeasible : Status::Unschedulable;
    if (!placed) {  // one row a wanted task, as for other jobs
        places = {};
        for (std::size_t r = 0; r < gang.roles.size(); ++r)
            places.roles.insert(places.roles.end(), gang.roles[r].tasks, static_cast<std::uint8_t>(r));
    }
    out.status.push_back(static_cast<std::uint8_t>(status));
    out.gangs.resize(out.status.size());
    out.gangs.back() = job.gang;
    out.role.resize(out.node.size(), 0);
    out.role.insert(out.role.end(), places.roles.begin(), places.roles.end());
    for (std::size_t t = 0; t < places.roles.size(); ++t) {
        out.node.push_back(placed ? static_cast<std::int32_t>(places.tasks[t].node) : -1);
        out.devices.push_back(placed ? places.tasks[t].devices : 0);
        out.score.push_back(placed ? places.scores[t] : 0);
    }
    out.task_begin.push_back(static_cast<std::int64_t>(out.node.size()));
    if (!apply) return;
    out.ids.push_back(placed ? cluster_.add_job(job.name, job.priority, std::move(places.tasks), job.gang,
                                                std::move(places.roles))
                             : kNoJob);
}

bool Engine::resize(JobId id, std::span<const std::int32_t> tasks,
                    const std::shared_ptr<const Policy>& policy) {
    if (!cluster_.has_job(id)) throw InvalidModel("resize: #" + std::to_string(id) + " is no running job");
    const RunningJob& job = cluster_.job(id);
    const std::string name = job.name.empty() ? "#" + std::to_string(id) : "'" + job.name + "'";
    Gang plain;
    plain.roles.push_back({job.tasks[0].shape, 1 << 20, 1, 1, ""});
    const Gang gang = job.gang ? *job.gang : plain;
    refuse_profiles(cluster_, gang, name);
    if (tasks.size() != gang.roles.size())
        throw InvalidModel("job " + name + ": resize: " + std::to_string(tasks.size()) + " counts for " +
                           std::to_string(gang.roles.size()) + " roles; give one each");
    for (std::size_t r = 0; r < tasks.size(); ++r) {
        const auto& role = gang.roles[r];
        if (tasks[r] < role.min_tasks || tasks[r] > role.tasks || tasks[r] % role.slice != 0)
            throw InvalidModel("job " + name + ": resize: role " + std::to_string(r) + " to " +
                               std::to_string(tasks[r]) + " tasks; it takes " +
                               std::to_string(role.min_tasks) + " to " + std::to_string(role.tasks) +
                               " in whole slices of " + std::to_string(role.slice));
    }
    GangPlaces places;
    Transaction all(cluster_);
    if (!gangs_.resize(id, gang, tasks, bound(policy), places)) return false;
    cluster_.set_tasks(id, std::move(places.tasks),
                       job.gang ? std::move(places.roles) : std::vector<std::uint8_t>{});
    all.keep();
    return true;
}

}  // namespace hal

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

// An elastic gang takes what its queue has room for: slices beyond the least are given role by role, earlier
// roles first, as the stage grows them. How many is found by halving: once by what the tasks ask for, and
// again by what they got where shares of GPUs are known only then.
std::optional<QuotaLedger::Refusal> Engine::place_within_quota(const JobRequest& job,
                                                               const std::shared_ptr<const Policy>& policy,
                                                               GangPlaces& places, bool& placed) {
    const Gang& gang = *job.gang;
    BoundPolicy& bound = this->bound(policy);
    placed = false;
    if (auto over = over_quota(job)) return over;  // of the least it takes
    std::int64_t high = 0;
    for (const auto& role : gang.roles) high += (role.tasks - role.min_tasks) / role.slice;
    const auto with = [&](std::int64_t extra) {
        Gang smaller = gang;
        for (auto& role : smaller.roles) {
            const std::int64_t more =
                std::min<std::int64_t>(extra, (role.tasks - role.min_tasks) / role.slice);
            role.tasks = role.min_tasks + static_cast<std::int32_t>(more) * role.slice;
            extra -= more;
        }
        return smaller;
    };
    const auto asks_too_much = [&](std::int64_t extra) {
        std::vector<std::pair<ShapeId, std::int32_t>> tasks;
        for (const auto& role : with(extra).roles) tasks.emplace_back(role.shape, role.tasks);
        return over_quota(job.traits, tasks).has_value();
    };
    const auto most = [&](std::int64_t least, std::int64_t most, const auto& refused) {
        while (least < most) {
            const std::int64_t middle = (least + most + 1) / 2;
            refused(middle) ? most = middle - 1 : least = middle;
        }
        return least;
    };
    if (queues_ && asks_too_much(high)) high = most(0, high - 1, asks_too_much);
    const GangBounds bounds = gang_bounds(job.name, gang, job.traits, bound, places);
    std::optional<QuotaLedger::Refusal> over;
    const auto got_too_much = [&](std::int64_t extra) {
        Transaction trial(cluster_);
        places = {};
        places.traits = job.traits;
        placed = gangs_.place(with(extra), bound, bounds, places);
        over = placed ? over_quota(job.traits, places.tasks) : std::nullopt;
        if (placed && !over) trial.keep();
        return over.has_value();
    };
    if (!got_too_much(high)) return std::nullopt;
    const auto refused = over;
    const auto try_only = [&](std::int64_t extra) {
        Transaction undone(cluster_);
        return got_too_much(extra);
    };
    if (high == 0 || try_only(0)) return placed = false, refused;
    got_too_much(most(0, high - 1, try_only));
    return std::nullopt;
}

void Engine::place_gang(const JobRequest& job, const std::shared_ptr<const Policy>& policy, bool apply,
                        PlaceResult& out) {
    const Gang& gang = *job.gang;
    refuse_profiles(cluster_, gang, "'" + job.name + "'");
    for (const auto& role : gang.roles) cluster_.count_seen(role.shape);
    GangPlaces places;
    bool placed = false;
    const auto over = place_within_quota(job, policy, places, placed);
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
    const std::string name = job.name().empty() ? "#" + std::to_string(id) : "'" + job.name() + "'";
    Gang plain;
    plain.roles.push_back({job.tasks[0].shape, 1 << 20, 1, 1, ""});
    const Gang gang = job.gang() ? *job.gang() : plain;
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
    sync_rules();
    const TraitsId traits = job.tasks.front().traits;
    std::vector<std::int32_t> now(tasks.size(), 0);
    for (std::size_t t = 0; t < job.tasks.size(); ++t) ++now[job.roles().empty() ? 0 : job.roles()[t]];
    bool grows = false;
    for (std::size_t r = 0; r < tasks.size(); ++r) grows |= tasks[r] > now[r];
    BoundPolicy& bound = this->bound(policy);
    GangPlaces places;
    const GangBounds bounds = grows ? gang_bounds(job.name(), gang, traits, bound, places) : GangBounds{};
    Transaction all(cluster_);
    if (!gangs_.resize(id, gang, tasks, bound, bounds, places)) return false;
    if (grows && over_quota(traits, places.tasks)) return false;
    cluster_.set_tasks(id, std::move(places.tasks),
                       job.gang() ? std::move(places.roles) : std::vector<std::uint8_t>{});
    all.keep();
    return true;
}

}  // namespace hal

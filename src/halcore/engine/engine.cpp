#include "halcore/engine/engine.h"

#include <algorithm>
#include <unordered_set>

#include "halcore/engine/singles.h"
#include "halcore/engine/transaction.h"
#include "halcore/model/error.h"

namespace hal {

namespace {

std::uint8_t start_of(const PlaceResult& result, std::int64_t row) {
    const auto it =
        std::lower_bound(result.starts.begin(), result.starts.end(), std::make_pair(row, std::uint8_t{0}));
    return it != result.starts.end() && it->first == row ? it->second : kAnyStart;
}

// Null: not placed.
void add_task(PlaceResult& out, const TaskPlace* task, double score) {
    out.node.push_back(task ? static_cast<std::int32_t>(task->node) : -1);
    out.devices.push_back(task ? task->devices : 0);
    if (task && task->start != kAnyStart) {
        out.starts.emplace_back(static_cast<std::int64_t>(out.score.size()), task->start);
    }
    out.score.push_back(task ? score : 0);
}

// Calls count(shape) for each shape that job j asks for, in the order in which placing counts them.
template <class F>
void each_asked(const PlaceResult& result, std::size_t j, F&& count) {
    const auto gang = j < result.gangs.size() ? result.gangs[j] : nullptr;
    if (!gang) return count(result.shape[j]);
    for (const auto& role : gang->roles) count(role.shape);
}

}  // namespace

BoundPolicy& Engine::bound(const std::shared_ptr<const Policy>& policy) {
    if (!bound_.empty()) {
        BoundPolicy& latest = *bound_.front();
        if (latest.policy().uid() == policy->uid() && !latest.stale() && latest.bytes() <= kIndexBytes)
            return latest;
    }
    auto it = std::find_if(bound_.begin(), bound_.end(),
                           [&](const auto& b) { return b->policy().uid() == policy->uid(); });
    if (it != bound_.end() && ((*it)->bytes() > kIndexBytes || (*it)->stale())) {
        rule_indices_.clear();  // they hold on to it
        bound_.erase(it);
        it = bound_.end();
    }
    if (it == bound_.end()) {
        bound_.push_front(std::make_unique<BoundPolicy>(policy, cluster_, matcher_));
        if (bound_.size() > kPolicies) {
            rule_indices_.clear();
            bound_.pop_back();
        }
    } else if (it != bound_.begin()) {
        bound_.splice(bound_.begin(), bound_, it);
    }
    return *bound_.front();
}

std::size_t Engine::bytes() const {
    std::size_t total = 0;
    for (const auto& b : bound_) total += b->bytes();
    return total;
}

void Engine::check_names(const std::vector<JobRequest>& jobs) {
    std::unordered_set<std::string_view> names;
    if (jobs.size() > 1) names.reserve(jobs.size());
    for (const JobRequest& job : jobs) {
        if (job.tasks < 1) {
            throw InvalidModel("job '" + job.name + "': tasks: " + std::to_string(job.tasks) +
                               " is not 1 or more");
        }
        if (queues_) ledger(queues_).check(job.name, job.traits);
        if (job.name.empty()) continue;
        if (cluster_.find_job(job.name) != kNoJob) {
            throw InvalidModel("job '" + job.name +
                               "': it runs already; release it first, or use another name");
        }
        if (jobs.size() > 1 && !names.insert(job.name).second) {
            throw InvalidModel("job '" + job.name + "': given twice; job names are unique");
        }
    }
}

void Engine::place_single(const JobRequest& job, BoundPolicy& bound, bool apply, PlaceResult& out) {
    double score = 0;
    const TaskPlace task = take_single(cluster_, bound, job.shape, job.traits, score);
    const bool placed = task.node != kNoNode;
    out.status.push_back(static_cast<std::uint8_t>(placed ? Status::Placed : refused(job)));
    add_task(out, placed ? &task : nullptr, score);
    out.task_begin.push_back(static_cast<std::int64_t>(out.node.size()));
    if (apply) out.ids.push_back(placed ? cluster_.add_job(job.name, job.priority, {{&task, 1}}) : kNoJob);
}

void Engine::place_job(const JobRequest& job, const std::shared_ptr<const Policy>& policy, bool apply,
                       PlaceResult& out) {
    if (job.gang) return place_gang(job, policy, apply, out);
    cluster_.count_seen(job.shape);
    BoundPolicy& bound = this->bound(policy);
    const bool ruled = bound_by_rules(job.traits) || near(*policy);
    if (job.tasks == 1 && !queues_ && !ruled) return place_single(job, bound, apply, out);
    tasks_.clear();
    scores_.clear();
    Transaction gang(cluster_);
    auto over = over_quota(job);
    while (!over && static_cast<std::int32_t>(tasks_.size()) < job.tasks) {
        if (!ruled) bound.tell(tasks_);
        const Choice choice =
            ruled ? choose_task(job.shape, job.traits, bound, tasks_) : bound.choose(job.shape);
        if (choice.node == kNoNode) break;
        tasks_.push_back(
            cluster_.settle({choice.node, job.shape, bound.pick(job.shape, choice.node), job.traits}));
        scores_.push_back(choice.score);
        cluster_.take(tasks_.back());
    }
    bound.tell({});
    bool placed = static_cast<std::int32_t>(tasks_.size()) == job.tasks;
    if (placed && queues_) {  // a share asked for by memory is known only now
        over = ledger(queues_).refuses(job.traits, tasks_);
        placed = !over;
    }
    if (placed) gang.keep();
    const Status status = placed ? Status::Placed : over && over->never ? Status::Infeasible : refused(job);
    out.status.push_back(static_cast<std::uint8_t>(status));
    for (std::int32_t t = 0; t < job.tasks; ++t)
        add_task(out, placed ? &tasks_[t] : nullptr, placed ? scores_[t] : 0);
    out.task_begin.push_back(static_cast<std::int64_t>(out.node.size()));
    if (apply) out.ids.push_back(placed ? cluster_.add_job(job.name, job.priority, tasks_) : kNoJob);
}

PlaceResult Engine::place(std::vector<JobRequest> jobs, const std::shared_ptr<const Policy>& policy,
                          bool apply) {
    check_names(jobs);
    near(*policy);
    sync_rules();
    for (const JobRequest& job : jobs) check_rules(job);
    PlaceResult out;
    out.version = cluster_.version();
    out.queues = queues_;
    out.task_begin.reserve(jobs.size() + 1);
    out.task_begin.push_back(0);
    Transaction all(cluster_);
    cluster_.reserve_jobs(jobs.size(), apply);
    for (const JobRequest& job : jobs) place_job(job, policy, apply, out);
    if (apply) all.keep();
    if (!out.gangs.empty()) {
        out.gangs.resize(jobs.size());
        out.role.resize(out.node.size(), 0);
    }
    const bool ranked =
        std::any_of(jobs.begin(), jobs.end(), [](const JobRequest& job) { return job.priority != 0; });
    const bool marked =
        std::any_of(jobs.begin(), jobs.end(), [](const JobRequest& job) { return job.traits != 0; });
    for (JobRequest& job : jobs) {
        out.shape.push_back(job.shape);
        out.names.push_back(std::move(job.name));
        if (ranked) out.priority.push_back(job.priority);
        if (marked) out.traits.push_back(job.traits);
    }
    return out;
}

PlaceResult Engine::place(std::span<const std::int32_t> shape, std::span<const ShapeId> shapes,
                          std::span<const std::int32_t> tasks, std::span<const TraitsId> traits,
                          const std::shared_ptr<const Policy>& policy, bool apply) {
    const auto refuse = [](const char* field, std::size_t row, const std::string& why) {
        throw InvalidModel(std::string(field) + "[" + std::to_string(row) + "]: " + why);
    };
    if (!tasks.empty() && tasks.size() != shape.size()) {
        throw InvalidModel("tasks: " + std::to_string(tasks.size()) + " entries, but shape has " +
                           std::to_string(shape.size()));
    }
    for (std::size_t j = 0; j < shape.size(); ++j) {
        if (shape[j] < 0 || static_cast<std::size_t>(shape[j]) >= shapes.size()) {
            refuse("shape", j, std::to_string(shape[j]) + " is no index into the shapes");
        }
        if (!tasks.empty() && tasks[j] < 1)
            refuse("tasks", j, std::to_string(tasks[j]) + " is not 1 or more");
    }
    if (!traits.empty() && traits.size() != shape.size()) {
        throw InvalidModel("traits: " + std::to_string(traits.size()) + " entries, but shape has " +
                           std::to_string(shape.size()));
    }
    for (std::size_t j = 0; queues_ && j < shape.size(); ++j) {
        ledger(queues_).check("#" + std::to_string(j), traits.empty() ? 0 : traits[j]);
    }
    near(*policy);
    sync_rules();
    for (std::size_t j = 0; rules_ && j < traits.size(); ++j)
        rules_->check("#" + std::to_string(j), traits[j]);
    PlaceResult out;
    out.version = cluster_.version();
    out.queues = queues_;
    out.traits.assign(traits.begin(), traits.end());
    out.shape.reserve(shape.size());
    for (const std::int32_t row : shape) out.shape.push_back(shapes[row]);
    Transaction all(cluster_);
    cluster_.reserve_jobs(shape.size(), apply);
    if (!queues_ && !rules_ && !near(*policy) && std::ranges::all_of(tasks, [](auto n) { return n == 1; })) {
        place_singles(*this, policy, apply, out);
    } else {
        out.task_begin.push_back(0);
        JobRequest job;
        for (std::size_t j = 0; j < shape.size(); ++j) {
            job.shape = out.shape[j];
            job.tasks = tasks.empty() ? 1 : tasks[j];
            job.traits = traits.empty() ? 0 : traits[j];
            place_job(job, policy, apply, out);
        }
    }
    if (apply) all.keep();
    return out;
}

void Engine::apply(PlaceResult& result) {
    if (!result.ids.empty()) throw InvalidModel("placements: they are applied already");
    sync_rules();
    Transaction all(cluster_);
    std::vector<JobId> ids(result.status.size(), kNoJob);
    for (std::size_t j = 0; j < result.status.size(); ++j) {
        if (result.status[j] != static_cast<std::uint8_t>(Status::Placed)) continue;
        std::vector<TaskPlace> tasks;
        const TraitsId traits = result.traits.empty() ? 0 : result.traits[j];
        const auto gang = result.gangs.empty() ? nullptr : result.gangs[j];
        std::vector<std::uint8_t> roles;
        if (gang)
            roles.assign(result.role.begin() + result.task_begin[j],
                         result.role.begin() + result.task_begin[j + 1]);
        const std::string name = result.names.empty() ? "" : result.names[j];
        for (std::int64_t t = result.task_begin[j]; t < result.task_begin[j + 1]; ++t) {
            const ShapeId shape = gang ? gang->roles[result.role[t]].shape : result.shape[j];
            TaskPlace task{static_cast<NodeId>(result.node[t]), shape, result.devices[t], traits};
            task.start = start_of(result, t);
            if (const std::string why = rule_refusal(task, tasks); !why.empty()) {
                throw InvalidModel("placements: job " +
                                   (name.empty() ? "#" + std::to_string(j) : "'" + name + "'") +
                                   " may no longer go to node '" + cluster_.name(task.node) + "': " + why +
                                   "; the cluster has changed, place again");
            }
            if (!cluster_.fits(task)) {
                throw InvalidModel("placements: job " +
                                   (name.empty() ? "#" + std::to_string(j) : "'" + name + "'") +
                                   " no longer fits on node '" +
                                   (task.node < cluster_.node_slots() ? cluster_.name(task.node) : "?") +
                                   "'; the cluster has changed, place again");
            }
            cluster_.take(task);
            tasks.push_back(task);
        }
        if (const auto over = result.queues ? ledger(result.queues).refuses(traits, tasks) : std::nullopt) {
            throw InvalidModel("placements: job " +
                               (name.empty() ? "#" + std::to_string(j) : "'" + name + "'") +
                               " is over quota now: " + describe(over->block, *result.queues) +
                               "; the cluster has changed, place again");
        }
        ids[j] = cluster_.add_job(name, result.priority.empty() ? 0 : result.priority[j], std::move(tasks),
                                  gang, std::move(roles));
    }
    for (std::size_t j = 0; j < result.shape.size(); ++j)
        each_asked(result, j, [&](ShapeId s) { cluster_.count_seen(s); });
    all.keep();
    result.ids = std::move(ids);
}

Choice Engine::choose(ShapeId shape, const std::shared_ptr<const Policy>& policy, bool by_scan) {
    BoundPolicy& bound = this->bound(policy);
    return by_scan ? bound.scan(shape) : bound.choose(shape);
}

}  // namespace hal

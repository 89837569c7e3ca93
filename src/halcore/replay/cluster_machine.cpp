#include "halcore/replay/cluster_machine.h"

#include <bit>
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

bool ClusterMachine::take(std::uint32_t row, PlaceResult places) {
    if (name_is_taken(row)) return false;
    try {
        engine_.apply(places);
    } catch (const InvalidModel&) {  // says what has changed on the cluster
        return false;
    }
    places_[row] = cluster().job(places.ids.front()).tasks;
    return true;
}

void ClusterMachine::settle() {
    engine_.use_queues(queues_);
    if (queues_) engine_.ledger(queues_);
    engine_.sync_rules();
}

TaskList ClusterMachine::standing(std::uint32_t row) {
    const hal::JobId id = cluster().find_job(requests_[row].name);
    return id == kNoJob ? TaskList{} : cluster().job(id).tasks;
}

std::pair<std::int64_t, std::int64_t> ClusterMachine::need(std::uint32_t row) {
    const JobRequest& job = requests_[row];
    std::int64_t cpu = 0, gpu = 0;
    const auto add = [&](ShapeId id, std::int32_t tasks) {
        const Shape& shape = cluster().shape(id);
        cpu += tasks * shape.cpu;
        gpu += std::int64_t{tasks} * shape.gpus * shape.milli;  // of a share by memory nothing is known
    };
    if (!job.gang)
        add(job.shape, job.tasks);
    else
        for (const auto& role : job.gang->roles) add(role.shape, role.min_tasks);
    return {cpu, gpu};
}

std::pair<std::int64_t, std::int64_t> ClusterMachine::total(const TaskList& tasks) {
    std::int64_t cpu = 0, gpu = 0;
    for (const TaskPlace& task : tasks) {
        const Shape& shape = cluster().shape(task.shape);
        const auto& devices = cluster().node_class(task.node).devices;
        cpu += shape.cpu;
        for (std::uint64_t m = task.devices; m; m &= m - 1)
            gpu += share_on(shape, devices[static_cast<std::size_t>(std::countr_zero(m))]);
    }
    return {cpu, gpu};
}

TaskList ClusterMachine::whole(const std::vector<std::string>& nodes) {
    std::vector<TaskPlace> tasks;
    for (const std::string& name : nodes) {
        const NodeId node = cluster().index_of(name);
        const NodeSpec spec = cluster().spec(node);
        ShapeSpec shape;
        shape.cpu = MilliCpu(spec.cpu.value() + 1);  // so that not even what asks for nothing fits beside it
        shape.memory = spec.memory;
        shape.gpus = static_cast<std::int32_t>(spec.gpus.size());
        if (shape.gpus > 0) shape.gpu_milli = kWholeGpu;
        shape.extended = spec.extended;
        const std::uint64_t devices =
            shape.gpus == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << shape.gpus) - 1;
        tasks.push_back({node, cluster().intern(shape), devices});
    }
    return tasks;
}

TaskList tasks_of(const PlaceResult& places) {
    std::vector<TaskPlace> tasks;
    const auto& gang = places.gangs.empty() ? nullptr : places.gangs.front();
    const TraitsId traits = places.traits.empty() ? 0 : places.traits.front();  // no column without any
    for (std::size_t t = 0; t < places.node.size(); ++t) {
        const ShapeId shape = gang ? gang->roles[places.role[t]].shape : places.shape.front();
        tasks.push_back({static_cast<NodeId>(places.node[t]), shape, places.devices[t], traits});
    }
    for (const auto& [row, start] : places.starts) tasks[static_cast<std::size_t>(row)].start = start;
    return tasks;
}

bool ClusterMachine::alike(std::uint32_t a, std::uint32_t b) const {
    const JobRequest& x = requests_[a];
    const JobRequest& y = requests_[b];
    return !x.gang && !y.gang && x.shape == y.shape && x.tasks == y.tasks && x.traits == y.traits;
}

}  // namespace hal::replay

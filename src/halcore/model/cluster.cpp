// Tasks, jobs, and undo.
#include "halcore/model/cluster.h"

#include <algorithm>
#include <bit>

#include "halcore/model/error.h"

namespace hal {

ShapeId Cluster::intern(const ShapeSpec& spec) {
    const std::size_t hash = hash_value(spec);
    for (auto [it, end] = shape_ids_.equal_range(hash); it != end; ++it) {
        if (shapes_[it->second].spec == spec) return it->second;
    }
    Shape shape;
    shape.spec = spec;
    shape.cpu = spec.cpu.value();
    shape.memory = spec.memory.value();
    for (const auto& [name, amount] : spec.extended)
        shape.extended.emplace_back(resources_.intern(name), amount);
    add_resource_columns();
    shape.gpus = spec.gpus;
    shape.milli = static_cast<std::int32_t>(spec.gpu_milli.value());
    shape.gpu_memory = spec.gpu_memory.value();
    if (!spec.gpu_profile.empty()) shape.profile = find_profile(spec.gpu_profile);
    shape.any_model = spec.gpu_models.empty();
    for (const auto& model : spec.gpu_models) shape.models.push_back(models_.intern(model));
    std::sort(shape.models.begin(), shape.models.end());
    shape.task_class = shape.find_class();
    const auto id = static_cast<ShapeId>(shapes_.size());
    shapes_.push_back(std::move(shape));
    seen_.push_back(0);
    shape_ids_.emplace(hash, id);
    return id;
}

void Cluster::count_seen(ShapeId s) {
    ++seen_[s];
    ++seen_total_;
    if (marked()) undo_.push_back({Undo::Seen, s});
    if (4 * seen_total_ < 5 * seen_then_total_ + 4) return;
    if (marked()) {
        remember([then = seen_then_, total = seen_then_total_](Cluster& c) {
            c.seen_then_ = then;
            c.seen_then_total_ = total;
        });
    }
    seen_then_ = std::make_shared<const std::vector<std::uint64_t>>(seen_);
    seen_then_total_ = seen_total_;
}

// ---- tasks ---------------------------------------------------------------------------------------

void Cluster::refresh_gpu(NodeId n) {
    std::int32_t total = 0, idle = 0, most = 0;
    for (const std::int32_t g : gpu_free(n)) {
        total += g;
        idle += g == kWholeGpu.value();
        most = std::max(most, g);
    }
    nodes_[n].gpu_total = total;
    nodes_[n].gpu_idle = idle;
    nodes_[n].gpu_max = most;
}

// Taking and giving back are the same flip of bits.
void Cluster::mark_slices(const TaskPlace& task) {
    const Shape& s = shapes_[task.shape];
    if (!s.whole() && s.profile == kNoProfile) return;
    const auto& devices = node_class(task.node).devices;
    Slices* slices = gpu_slices_.data() + nodes_[task.node].gpu_begin;
    for (std::uint64_t m = task.devices; m; m &= m - 1) {
        const int g = std::countr_zero(m);
        if (devices[g].partition == kNoPartition) continue;
        slices[g] ^= s.whole() ? Slices{255} : layout_on(s, devices[g]).taken_from(task.start);
    }
}

TaskPlace Cluster::settle_instance(TaskPlace task) const {
    const Shape& s = shapes_[task.shape];
    if (task.start != kAnyStart || task.devices == 0) return task;
    const int g = std::countr_zero(task.devices);
    const PartitionTable& table = partition_table(node_class(task.node).devices[g].partition);
    task.start = static_cast<std::uint8_t>(table.best_start(s.profile, gpu_slices(task.node)[g]));
    return task;
}

void Cluster::adjust(const TaskPlace& task, int sign) {
    const Shape& s = shapes_[task.shape];
    const NodeId n = task.node;
    NodeState& node = nodes_[n];
    node.free[kCpu] -= sign * s.cpu;
    node.free[kMemory] -= sign * s.memory;
    for (const auto& [r, amount] : s.extended) free_at(r, n) -= sign * amount;
    node.tasks += sign;
    class_count_[n][s.task_class] += static_cast<std::uint16_t>(sign);
    if (task.devices) {
        std::int32_t* row = gpu_free_.data() + node.gpu_begin;
        if (s.milli > 0) {
            for (std::uint64_t m = task.devices; m; m &= m - 1) row[std::countr_zero(m)] -= sign * s.milli;
        } else {
            const auto& devices = node_class(n).devices;
            for (std::uint64_t m = task.devices; m; m &= m - 1) {
                const int g = std::countr_zero(m);
                row[g] -= sign * share_on(s, devices[g]);
            }
        }
        mark_slices(task);
        refresh_gpu(n);
    }
    changes_.touch(n, sign < 0);
    changed();
    if (task.traits) observers_.tell(task, sign);
}

void Cluster::take(const TaskPlace& task) {
    adjust(task, 1);
    ++tasks_taken_;
    if (!marked()) return;
    undo_tasks_.push_back(task);
    if (Undo* last = last_record(); last && last->what == Undo::Seen && last->of == task.shape) {
        last->what |= Undo::Take;
    } else {
        undo_.push_back({Undo::Take, 0});
    }
}

void Cluster::give(const TaskPlace& task) {
    adjust(task, -1);
    if (!marked()) return;
    undo_tasks_.push_back(task);
    undo_.push_back({Undo::Give, 0});
}

bool Cluster::fits(const TaskPlace& task) const {
    if (task.node >= node_slots() || !present(task.node) || task.shape >= shape_count()) return false;
    const Shape& s = shapes_[task.shape];
    const NodeId n = task.node;
    if (s.cpu > free(kCpu, n) || s.memory > free(kMemory, n)) return false;
    for (const auto& [r, amount] : s.extended) {
        if (amount > free(r, n)) return false;
    }
    if (std::popcount(task.devices) != s.gpus) return false;
    const auto& devices = node_class(n).devices;
    for (std::uint64_t m = task.devices; m; m &= m - 1) {
        const int g = std::countr_zero(m);
        if (g >= gpu_count(n)) return false;
        const auto& d = devices[g];
        if (!s.any_model && !std::binary_search(s.models.begin(), s.models.end(), d.model)) return false;
        if (s.gpu_memory > d.memory || share_on(s, d) > gpu_free(n)[g]) return false;
        if (d.partition && !s.whole()) {
            if (s.profile == kNoProfile || !layout_on(s, d).may_start(task.start)) return false;
            if (gpu_slices(n)[g] & layout_on(s, d).taken_from(task.start)) return false;
        }
    }
    return true;
}

// ---- jobs ----------------------------------------------------------------------------------------

const RunningJob::Extras& RunningJob::extras() const {
    static const Extras none;
    return extras_ ? *extras_ : none;
}

void RunningJob::set_extras(Extras extras) {
    const bool none = extras.name.empty() && !extras.gang && extras.roles.empty();
    extras_ = none ? nullptr : std::make_shared<const Extras>(std::move(extras));
}

JobId Cluster::add_job(std::string name, std::int32_t priority, TaskList tasks,
                       std::shared_ptr<const Gang> gang, std::vector<std::uint8_t> roles) {
    if (!name.empty() && job_by_name_.contains(name)) {
        throw InvalidModel("job '" + name + "': the name is taken by a running job; release it first");
    }
    JobId id;
    if (free_jobs_.empty()) {
        id = static_cast<JobId>(jobs_.size());
        jobs_.emplace_back();
    } else {
        id = free_jobs_.back();
        free_jobs_.pop_back();
    }
    if (!name.empty()) job_by_name_.emplace(name, id);
    RunningJob& job = jobs_[id];
    job.tasks = std::move(tasks);
    job.priority = priority;
    job.live = true;
    job.set_extras({std::move(name), std::move(gang), std::move(roles)});
    ++live_jobs_;
    if (!marked()) return id;
    if (Undo* last = last_record(); last && job.tasks.size() == 1 &&
                                    (last->what & ~Undo::Seen) == Undo::Take &&
                                    undo_tasks_.back() == job.tasks.front()) {
        undo_tasks_.pop_back();
        *last = {last->what | Undo::AddJob, id};
    } else {
        undo_.push_back({Undo::AddJob, id});
    }
    return id;
}

// The record alone: resources are the caller's business.
void Cluster::drop_job(JobId id) {
    RunningJob& job = jobs_[id];
    if (!job.name().empty()) job_by_name_.erase(job.name());
    if (marked()) {
        undo_jobs_.emplace_back(id, job);
        undo_.push_back({Undo::DropJob, 0});
    }
    job = {};
    free_jobs_.push_back(id);
    --live_jobs_;
}

void Cluster::remove_job(JobId id) {
    for (const TaskPlace& task : jobs_[id].tasks) give(task);
    drop_job(id);
}

void Cluster::set_tasks(JobId id, TaskList tasks, std::vector<std::uint8_t> roles) {
    if (marked()) {
        undo_jobs_.emplace_back(id, jobs_[id]);
        undo_.push_back({Undo::SetTasks, 0});
    }
    RunningJob& job = jobs_[id];
    job.tasks = std::move(tasks);
    job.set_extras({job.name(), job.gang(), std::move(roles)});
}

JobId Cluster::find_job(const std::string& name) const {
    auto it = job_by_name_.find(name);
    return it == job_by_name_.end() ? kNoJob : it->second;
}

// ---- the whole state -----------------------------------------------------------------------------

std::uint64_t Cluster::digest() const {
    std::uint64_t h = 0x9E3779B97F4A7C15ULL;
    const auto add = [&h](std::uint64_t v) {
        h = (h ^ v) * 0xD6E8FEB86659FD93ULL;
        h ^= h >> 32;
    };
    const auto add_text = [&](const std::string& s) {
        for (const char c : s) add(static_cast<unsigned char>(c));
        add(s.size());
    };
    for (NodeId n = 0; n < node_slots(); ++n) {
        if (!present(n)) continue;
        add(n);
        add_text(names_[n]);
        add(kind(n));
        add(task_count(n));
        for (ResourceId r = 0; r < resource_count(); ++r) {
            if (capacity_[r][n]) add(r), add(capacity_[r][n]), add(free(r, n));
        }
        for (const std::int32_t g : gpu_free(n)) add(g);
        for (const Slices slices : gpu_slices(n)) add(slices);
        for (const std::uint16_t count : class_counts(n)) add(count);
    }
    std::vector<std::pair<std::string, JobId>> named;
    for (JobId id = 0; id < job_slots(); ++id) {
        if (jobs_[id].live)
            named.emplace_back(jobs_[id].name().empty() ? std::to_string(id) : jobs_[id].name(), id);
    }
    std::sort(named.begin(), named.end());
    for (const auto& [name, id] : named) {
        add_text(name);
        for (const TaskPlace& t : jobs_[id].tasks) add(t.node), add(t.shape), add(t.devices), add(t.traits);
    }
    return h;
}

std::size_t Cluster::bytes() const {
    std::size_t total =
        nodes_.bytes() + class_count_.bytes() + gpu_free_.bytes() + gpu_slices_.bytes() + changes_.bytes();
    for (const auto& c : free_extended_) total += c.bytes();
    for (const auto& c : capacity_) total += c.bytes();
    total += names_.capacity() * sizeof(std::string) + by_name_.size() * (sizeof(std::string) + 32);
    return total;
}

}  // namespace hal

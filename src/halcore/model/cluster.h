#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "halcore/model/change_list.h"
#include "halcore/model/column.h"
#include "halcore/model/gang.h"
#include "halcore/model/huge_pages.h"
#include "halcore/model/interner.h"
#include "halcore/model/node_class.h"
#include "halcore/model/node_state.h"
#include "halcore/model/node_tree.h"
#include "halcore/model/shape.h"
#include "halcore/model/task_list.h"
#include "halcore/model/task_observer.h"
#include "halcore/model/traits.h"

namespace hal {

using JobId = std::uint32_t;
inline constexpr JobId kNoJob = UINT32_MAX;

/// A job in the books.
class RunningJob {
  public:
    /// What most jobs of a batch do not have, so that a million of them stay small.
    struct Extras {
        std::string name;
        std::shared_ptr<const Gang> gang;
        std::vector<std::uint8_t> roles;
    };
    TaskList tasks;  // in rank order, role by role
    std::int32_t priority = 0;
    bool live = false;

    /// Empty for jobs that came in as columns: they are known by their id.
    const std::string& name() const { return extras().name; }
    /// Null: plain tasks.
    const std::shared_ptr<const Gang>& gang() const { return extras().gang; }
    /// By task; empty: all of role 0.
    const std::vector<std::uint8_t>& roles() const { return extras().roles; }
    void set_extras(Extras extras);

  private:
    const Extras& extras() const;
    std::shared_ptr<const Extras> extras_;  // null: none; shared between copies, as it is never changed
};

/// Capacity as columns, for building a large cluster at once. Spans have one entry a node.
struct NodeColumns {
    std::span<const std::int64_t> cpu, memory;
    std::span<const std::int32_t> gpu_count, gpu_model;
    std::span<const std::int64_t> gpu_memory;
    std::vector<std::string> models;
    std::vector<std::string> names;  // empty: node-0000000, node-0000001, …
    std::vector<std::pair<std::string, std::span<const std::int64_t>>> extended;
};

/// The state that decisions read and change: one column a resource, devices as rows, running jobs.
/// Every change goes through take/give (a task), or a structural call, and can be undone to a mark.
/// Not thread-safe: one caller at a time.
class Cluster {
  public:
    Cluster();

    // ---- structure -------------------------------------------------------------------------------
    void add_nodes(std::vector<NodeSpec> specs);
    void add_columns(const NodeColumns& columns);
    /// New capacity, devices, labels or taints of a node; refused when running tasks would not fit.
    void update_node(NodeSpec spec);
    /// Takes a node away. With evict its tasks are lost and their jobs' names (or #id) come back.
    std::vector<std::string> remove_node(const std::string& name, bool evict);
    /// Hangs the nodes, present and to come, into a tree by their names; null takes it away.
    void set_topology(std::shared_ptr<const Topology> topology, std::vector<std::string> names);
    const NodeTree* tree() const { return tree_ ? &*tree_ : nullptr; }

    // ---- nodes -----------------------------------------------------------------------------------
    NodeId node_slots() const { return static_cast<NodeId>(nodes_.size()); }  // removed ones included
    NodeId node_count() const { return present_count_; }
    NodeId find(const std::string& name) const;      // kNoNode when absent
    NodeId index_of(const std::string& name) const;  // InvalidModel when absent
    const std::string& name(NodeId n) const { return names_[n]; }
    bool present(NodeId n) const { return nodes_[n].present != 0; }
    NodeSpec spec(NodeId n) const;

    std::uint32_t resource_count() const { return static_cast<std::uint32_t>(capacity_.size()); }
    std::int64_t free(ResourceId r, NodeId n) const {
        return r < kInState ? nodes_[n].free[r] : free_extended_[r - kInState][n];
    }
    std::int64_t capacity(ResourceId r, NodeId n) const { return capacity_[r][n]; }
    /// CPU and memory are in state().
    const Column<std::int64_t>& free_extended_column(ResourceId r) const {
        return free_extended_[r - kInState];
    }
    const Column<std::int64_t>& capacity_column(ResourceId r) const { return capacity_[r]; }
    const Interner& resources() const { return resources_; }
    const Interner& models() const { return models_; }

    /// By node.
    const Column<NodeState>& state() const { return nodes_; }

    KindId kind(NodeId n) const { return nodes_[n].kind; }
    ClassId class_of(NodeId n) const { return nodes_[n].node_class; }
    const NodeClass& node_class(NodeId n) const { return classes_[class_of(n)]; }
    const Table<NodeClass>& classes() const { return classes_; }
    const Table<NodeKind>& kinds() const { return kinds_; }
    NodeId kind_size(KindId k) const { return kind_size_[k]; }

    int gpu_count(NodeId n) const { return nodes_[n].gpu_count; }
    std::span<const std::int32_t> gpu_free(NodeId n) const {
        return {gpu_free_.data() + nodes_[n].gpu_begin, static_cast<std::size_t>(gpu_count(n))};
    }
    /// Occupied memory slices of each device that may be partitioned, 255 where one is taken whole; else 0.
    std::span<const Slices> gpu_slices(NodeId n) const {
        return {gpu_slices_.data() + nodes_[n].gpu_begin, static_cast<std::size_t>(gpu_count(n))};
    }
    std::int32_t gpu_total_free(NodeId n) const { return nodes_[n].gpu_total; }
    int gpu_idle(NodeId n) const { return nodes_[n].gpu_idle; }
    std::int32_t gpu_max_free(NodeId n) const { return nodes_[n].gpu_max; }
    const Column<std::int32_t>& gpu_free_rows() const { return gpu_free_; }

    std::uint32_t task_count(NodeId n) const { return nodes_[n].tasks; }
    /// Tasks on the node by Shape::task_class.
    std::span<const std::uint16_t, Shape::kTaskClasses> class_counts(NodeId n) const {
        return class_count_[n];
    }
    /// The largest capacity of a resource over the present nodes; 0 for an empty cluster.
    std::int64_t largest(ResourceId r) const;
    std::int64_t largest_gpus() const;

    // ---- shapes ----------------------------------------------------------------------------------
    ShapeId intern(const ShapeSpec& valid_spec);
    const Shape& shape(ShapeId s) const { return shapes_[s]; }
    ShapeId shape_count() const { return static_cast<ShapeId>(shapes_.size()); }
    /// How often a shape was asked for, placed or not; what FGD's typical tasks can be learnt from.
    void count_seen(ShapeId s);
    /// The counts by shape as they were when their sum had last grown by a quarter: part of the state, so
    /// that who learns from them decides the same on a fork, and whenever it began to look.
    using SeenCounts = std::shared_ptr<const std::vector<std::uint64_t>>;
    const SeenCounts& seen() const { return seen_then_; }
    /// The counts by shape at this moment.
    const std::vector<std::uint64_t>& seen_now() const { return seen_; }

    // ---- traits ----------------------------------------------------------------------------------
    TraitsId intern(const TraitsSpec& valid_spec) { return traits_.intern(valid_spec); }
    const Table<TraitsSpec>& traits() const { return traits_; }
    /// Told of every task with traits from now on. Neither outlives the cluster nor follows its copies.
    void watch(TaskObserver* observer) { observers_.add(observer); }
    void unwatch(TaskObserver* observer) { observers_.remove(observer); }

    // ---- tasks and jobs --------------------------------------------------------------------------
    /// The task with the start of its GPU instance, if it takes one: where the most room is left.
    TaskPlace settle(const TaskPlace& task) const {
        return shapes_[task.shape].profile == kNoProfile ? task : settle_instance(task);
    }
    /// Books the resources of one task. The caller has checked that it fits, and settled it.
    void take(const TaskPlace& task);
    void give(const TaskPlace& task);
    bool fits(const TaskPlace& task) const;  // checks everything, for answers from outside
    JobId add_job(std::string name, std::int32_t priority, TaskList taken_tasks,
                  std::shared_ptr<const Gang> gang = nullptr, std::vector<std::uint8_t> roles = {});
    /// Room for a batch at once; never less than twice as much as before, so that batches of one cost O(1)
    /// each. Jobs are entered only by those who apply what they place.
    void reserve_jobs(std::size_t more, bool entered) {
        reserve_more(undo_, more);
        if (entered) reserve_more(jobs_, more);
    }
    /// The resources of its tasks are given back too.
    void remove_job(JobId id);
    /// Takes tasks of a running job away, or adds ones already taken (elastic gangs, lost nodes, moves).
    void set_tasks(JobId id, TaskList tasks, std::vector<std::uint8_t> roles = {});
    JobId find_job(const std::string& name) const;  // kNoJob when absent
    bool has_job(JobId id) const { return id < jobs_.size() && jobs_[id].live; }
    const RunningJob& job(JobId id) const { return jobs_[id]; }
    JobId job_slots() const { return static_cast<JobId>(jobs_.size()); }
    JobId job_count() const { return live_jobs_; }

    // ---- time and undo ---------------------------------------------------------------------------
    const ChangeList& changes() const { return changes_; }
    /// Names the state: every change gives a new number, and undoing it gives the old one back.
    std::uint64_t version() const { return version_; }
    std::uint64_t structure_version() const { return structure_; }  // nodes added, removed or updated
    std::uint64_t tasks_taken() const { return tasks_taken_; }      // a decision counter; undo takes it back

    using Mark = std::size_t;
    Mark mark();               // marks nest
    void rollback(Mark mark);  // everything since the mark is undone, and the mark with it
    void keep(Mark mark);      // forget the mark, keep the changes
    bool marked() const { return !marks_.empty() && !undoing_; }

    std::uint64_t digest() const;  // of the state that decisions depend on
    std::size_t bytes() const;

  private:
    /// What is to be undone: one thing, or several that one task went through without a mark between them, as
    /// most jobs do (asked for, taken, entered): the first three add up.
    struct Undo {
        enum : std::uint32_t {
            Seen = 1,
            Take = 2,
            AddJob = 4,
            Give = 8,
            DropJob = 16,
            SetTasks = 32,
            Structure = 64
        };
        std::uint32_t what;
        std::uint32_t of;  // the job (AddJob), or the shape (Seen); of other things, nothing
    };
    struct OpenMark {
        std::uint64_t version;
        std::size_t begin;  // of its records
    };
    /// The last record, to which more may be added; null: it belongs to an outer mark. Precondition:
    /// marked().
    Undo* last_record();
    void remember(std::function<void(Cluster&)> undo);
    void undo(const Undo& last);
    template <class Vector>
    static void reserve_more(Vector& all, std::size_t more) {
        if (all.size() + more > all.capacity()) all.reserve(std::max(all.size() + more, 2 * all.capacity()));
    }
    NodeId append_node(const NodeSpec& spec);
    void write_node(NodeId n, const NodeSpec& spec);
    KindId intern_kind(const NodeSpec& spec);
    void set_present(NodeId n, bool present);
    void add_resource_columns();
    void refresh_gpu(NodeId n);
    std::int64_t& free_at(ResourceId r, NodeId n) {
        return r < kInState ? nodes_[n].free[r] : free_extended_[r - kInState][n];
    }
    void adjust(const TaskPlace& task, int sign);
    void mark_slices(const TaskPlace& task);
    TaskPlace settle_instance(TaskPlace task) const;
    void drop_job(JobId id);
    void changed() { version_ = ++versions_; }

    Interner resources_, models_;
    Table<NodeClass> classes_;
    Table<NodeKind> kinds_;
    std::vector<NodeId> kind_size_;

    std::vector<std::string> names_;
    std::unordered_map<std::string, NodeId> by_name_;
    static constexpr ResourceId kInState = 2;  // resources whose free amounts are in a node's state
    Column<NodeState> nodes_;
    using ClassCounts = std::array<std::uint16_t, Shape::kTaskClasses>;
    Column<ClassCounts> class_count_;  // by node
    std::vector<Column<std::int64_t>> free_extended_, capacity_;
    Column<std::int32_t> gpu_free_;  // by device
    Column<Slices> gpu_slices_;
    NodeId present_count_ = 0;
    std::optional<NodeTree> tree_;

    std::vector<Shape> shapes_;
    std::unordered_multimap<std::size_t, ShapeId> shape_ids_;
    std::vector<std::uint64_t> seen_;
    std::uint64_t seen_total_ = 0, seen_then_total_ = 0;
    SeenCounts seen_then_;

    Table<TraitsSpec> traits_;  // 0: none
    TaskObservers observers_;

    std::vector<RunningJob, HugePages<RunningJob>> jobs_;
    std::vector<JobId> free_jobs_;
    std::unordered_map<std::string, JobId> job_by_name_;
    JobId live_jobs_ = 0;

    ChangeList changes_;
    std::uint64_t structure_ = 0, tasks_taken_ = 0;
    std::uint64_t version_ = 0, versions_ = 0;  // the present one, and how many there were
    std::vector<OpenMark> marks_;
    bool undoing_ = false;
    std::vector<Undo> undo_;
    std::vector<TaskPlace> undo_tasks_;  // of Take and Give, unless a job has it
    std::vector<std::pair<JobId, RunningJob>> undo_jobs_;
    std::vector<std::function<void(Cluster&)>> undo_structure_;
};

}  // namespace hal

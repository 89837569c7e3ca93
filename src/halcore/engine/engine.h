#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "halcore/engine/bound_policy.h"
#include "halcore/engine/gang_stage.h"
#include "halcore/engine/quota_ledger.h"
#include "halcore/engine/rule_index.h"

namespace hal {

enum class Status : std::uint8_t {
    Placed,
    Unschedulable,  // not now
    Infeasible,     // never on this cluster
};

/// One job as place() takes it. Without names (columns) jobs are known by the ids apply() gives.
struct JobRequest {
    std::string name;
    ShapeId shape = 0;
    std::int32_t tasks = 1;
    std::int32_t priority = 0;
    std::shared_ptr<const Gang> gang;  // null: plain tasks; else shape and tasks are those of its first role
    TraitsId traits = 0;
};

/// The answer to one place() call, as columns. Tasks of job j are rows task_begin[j] … task_begin[j + 1].
struct PlaceResult {
    std::vector<std::uint8_t> status;                           // by job
    std::vector<std::int64_t> task_begin;                       // jobs + 1
    std::vector<std::int32_t> node;                             // by task, -1 where the job was not placed
    std::vector<std::uint64_t> devices;                         // by task: a mask of the node's devices
    std::vector<double> score;                                  // by task
    std::vector<std::pair<std::int64_t, std::uint8_t>> starts;  // (task, first slice) of the GPU instances
    std::vector<ShapeId> shape;                                 // by job
    std::vector<std::string> names;                             // by job; empty for columns
    std::vector<std::int32_t> priority;                         // by job; empty: all 0
    std::vector<JobId> ids;                          // by job, when applied; kNoJob where not placed
    std::vector<std::shared_ptr<const Gang>> gangs;  // by job; empty: no job is a gang
    std::vector<std::uint8_t> role;                  // by task, of its gang; empty: all 0
    std::vector<TraitsId> traits;                    // by job
    std::shared_ptr<const QueueTree> queues;         // whose quotas were kept; null: none
    std::uint64_t version = 0;                       // of the cluster, before
};

/// Why a job fits where it does, or nowhere.
struct Explanation {
    struct Candidate {
        NodeId node;
        double total;
        std::vector<double> parts;  // by scorer of the policy
    };
    Status status = Status::Placed;
    NodeId nodes = 0, feasible = 0;
    std::vector<std::pair<std::string, NodeId>> reasons;  // nodes rejected, most first
    std::string quota;                                    // the quota in the way; empty: none
    std::optional<QuotaBlock> block;                      // the same as data
    std::vector<Candidate> top;                           // best first
};

/// What one task of a job would find on every node.
struct Survey {
    std::vector<NodeId> nodes;         // that are present, in order
    std::vector<std::int32_t> reason;  // by node: why not, an index into `reasons`; -1: it fits
    std::vector<std::string> reasons;  // in the order in which they were met
    std::vector<NodeId> fits;          // where it fits, in order
    std::vector<double> totals;        // by `fits`
    std::vector<double> parts;         // by scorer of the policy, then by `fits`
};

/// Decides on one cluster: filter, score, select, reserve. Holds what the policies remember about it.
/// One caller at a time.
class Engine {
  public:
    explicit Engine(Cluster& cluster) : cluster_(cluster), matcher_(cluster), gangs_(cluster, matcher_) {}

    /// Jobs in the given order, each seeing those before it; all tasks of a job or none. Unless `apply`,
    /// the cluster is as before. When a policy fails, PolicyError, and the cluster is as before.
    PlaceResult place(std::vector<JobRequest> jobs, const std::shared_ptr<const Policy>& policy, bool apply);
    /// Columns: the shape, number of tasks (empty: 1) and traits (empty: none) of each job.
    PlaceResult place(std::span<const std::int32_t> shape, std::span<const ShapeId> shapes,
                      std::span<const std::int32_t> tasks, std::span<const TraitsId> traits,
                      const std::shared_ptr<const Policy>& policy, bool apply);
    /// Whose quotas place() keeps from now on; null: none.
    void use_queues(const std::shared_ptr<const QueueTree>& queues);
    QuotaLedger& ledger(const std::shared_ptr<const QueueTree>& queues);
    /// Books a result that was not applied. InvalidModel when it no longer fits; then nothing is booked.
    void apply(PlaceResult& result);
    /// Changes how many tasks of each role a running job has, at once: false, and nothing changed, when there
    /// is no room. A job without a gang has one role. InvalidModel for counts outside of the gang's.
    bool resize(JobId id, std::span<const std::int32_t> tasks, const std::shared_ptr<const Policy>& policy);
    /// On the state as it is now; quotas are not looked at.
    Survey survey(const JobRequest& job, const std::shared_ptr<const Policy>& policy);
    /// On the state as it is now.
    Explanation explain(const JobRequest& job, const std::shared_ptr<const Policy>& policy, std::size_t top);
    /// The best node for the next task of a job that has `own` already: the policy's choice within the rules.
    /// sync_rules() must have been called since the last change of structure.
    Choice choose_task(ShapeId shape, TraitsId traits, BoundPolicy& bound, std::span<const TaskPlace> own);
    /// Why rules keep a task, next after others of its job, from its node; empty: they do not.
    std::string rule_refusal(const TaskPlace& task, std::span<const TaskPlace> own);
    /// Takes in the rules of traits that are new. To be called while every task that is taken is in the
    /// books.
    void sync_rules();
    /// Whether rules bind a job of these traits now: its own, or those of what runs.
    bool bound_by_rules(TraitsId traits) const { return rules_ && rules_->binds(traits); }
    /// The quota that more tasks, or tasks already taken, would break or break now.
    std::optional<QuotaLedger::Refusal> over_quota(TraitsId traits,
                                                   std::span<const std::pair<ShapeId, std::int32_t>> tasks);
    std::optional<QuotaLedger::Refusal> over_quota(TraitsId traits, std::span<const TaskPlace> taken);
    const std::shared_ptr<const QueueTree>& queues() const { return queues_; }
    /// One task's choice by the index and by the scan, for tests.
    Choice choose(ShapeId shape, const std::shared_ptr<const Policy>& policy, bool by_scan);

    Cluster& cluster() { return cluster_; }
    Matcher& matcher() { return matcher_; }
    BoundPolicy& bound(const std::shared_ptr<const Policy>& policy);
    std::size_t bytes() const;

  private:
    static constexpr std::size_t kPolicies = 8, kLedgers = 4, kRuleIndices = 128;  // remembered at most
    static constexpr std::size_t kIndexBytes = std::size_t{512} << 20;             // then indices are dropped

    void place_job(const JobRequest& job, const std::shared_ptr<const Policy>& policy, bool apply,
                   PlaceResult& out);
    /// What a job is that was not placed: it would fit on the empty cluster, or never.
    Status refused(const JobRequest& job) {
        return job.tasks <= matcher_.capacity(job.shape) ? Status::Unschedulable : Status::Infeasible;
    }
    void place_single(const JobRequest& job, BoundPolicy& bound, bool apply, PlaceResult& out);
    void place_gang(const JobRequest& job, const std::shared_ptr<const Policy>& policy, bool apply,
                    PlaceResult& out);
    void check_names(const std::vector<JobRequest>& jobs);
    std::optional<QuotaLedger::Refusal> over_quota(const JobRequest& job);
    /// InvalidModel for levels that the topology does not have.
    void check_rules(const JobRequest& job) const;
    /// The index for a job that rules bind now; null: none do, and the policy's own index answers.
    RuleIndex* rule_index(ShapeId shape, TraitsId traits, BoundPolicy& bound);
    /// How the policy comes apart, where the cluster has a tree; null: it does not.
    const NearPolicy* near(const Policy& policy);
    /// The same without a policy: it only says what is refused.
    RuleIndex& refusals(ShapeId shape, TraitsId traits);
    /// What rules leave of a gang's choices, after those of `places`, which must outlive them.
    GangBounds gang_bounds(const std::string& name, const Gang& gang, TraitsId traits, BoundPolicy& bound,
                           const GangPlaces& places);
    /// Takes the tasks of a gang, as many as its queue has room for. The quota in the way when it has none
    /// for the least; else `placed` says whether there was room on the nodes.
    std::optional<QuotaLedger::Refusal> place_within_quota(const JobRequest& job,
                                                           const std::shared_ptr<const Policy>& policy,
                                                           GangPlaces& places, bool& placed);

    Cluster& cluster_;
    Matcher matcher_;
    GangStage gangs_;
    std::list<std::unique_ptr<BoundPolicy>> bound_;    // latest used first
    std::list<std::unique_ptr<QuotaLedger>> ledgers_;  // latest used first
    std::shared_ptr<const QueueTree> queues_;
    std::unique_ptr<RuleLedger> rules_;  // null: no job ever had a rule
    TraitsId rules_seen_ = 0;
    std::map<std::tuple<std::uint64_t, ShapeId, TraitsId>, std::unique_ptr<RuleIndex>> rule_indices_;
    std::map<std::uint64_t, std::unique_ptr<NearPolicy>> near_;  // by the policy's uid
    std::vector<TaskPlace> tasks_;                               // scratch
    std::vector<double> scores_;
};

}  // namespace hal

#pragma once

#include <string>
#include <vector>

#include "halcore/model/change_list.h"
#include "halcore/model/cluster.h"

namespace hal {

/// Running tasks of one kind by domain of one level.
struct RuleCounter {
    std::int32_t level = 0;            // of the topology, or RuleLedger::kNode: by node
    std::vector<std::int32_t> counts;  // by domain
    std::int64_t total = 0;            // outside of the level's domains, too
    ChangeList changes;                // domains whose count changed
};

/// One rule as it binds the jobs of some traits.
struct Constraint {
    enum class Kind : std::uint8_t { Need, Avoid, Even } kind;  // in the order of RuleKind
    std::uint32_t counter;
    bool self;  // the job's own tasks are counted
    std::int32_t max_skew;
    double weight;  // 0: a must
    bool own;       // the job's; else of a running job, and nothing while none runs
    std::string text;
};

/// Counts of running tasks by domain, for the rules that jobs of one cluster have ever had. It follows the
/// cluster's books, through undo too: O(counters that mean a task) a change. The first use of a rule, and new
/// nodes or another topology, cost O(running tasks).
class RuleLedger final : public TaskObserver {
  public:
    static constexpr std::int32_t kNode = -1;
    static constexpr std::int32_t kUnknown = -2;  // a level that the cluster's topology does not have

    explicit RuleLedger(Cluster& cluster);
    ~RuleLedger() override;
    RuleLedger(const RuleLedger&) = delete;
    RuleLedger& operator=(const RuleLedger&) = delete;

    void changed(const TaskPlace& task, int by) override;

    /// Takes in new traits, nodes and topologies. To be called while every task that was taken is in the
    /// books.
    void sync();
    /// InvalidModel when the rules of a job name a level that there is not.
    void check(const std::string& job, TraitsId traits) const;
    /// Whether rules bind a job of these traits now: its own, or those of what runs.
    bool binds(TraitsId traits) const;
    const std::vector<Constraint>& constraints(TraitsId traits) const { return constraints_[traits]; }
    const RuleCounter& counter(const Constraint& c) const { return counters_[c.counter]; }
    /// The domain of that level in which a node lies, or -1; with kNode the node itself.
    std::int32_t domain(std::int32_t level, NodeId node) const;
    /// How often everything was counted anew: what remembers counts must then start over.
    std::uint64_t counted() const { return counted_; }

  private:
    struct Definition {
        enum class What : std::uint8_t { Selected, Carriers, Exclusive } what;
        Rule rule;
        friend bool operator==(const Definition&, const Definition&) = default;
    };
    bool means(const Definition& definition, const TraitsSpec& traits) const;
    std::int32_t level(const std::string& name) const;
    std::uint32_t counter_for(const Definition& definition);
    void bind(TraitsId traits, const Definition& definition, std::uint32_t counter);
    void recount();

    Cluster& cluster_;
    std::vector<Definition> definitions_;  // of counters_
    std::vector<RuleCounter> counters_;
    std::vector<std::vector<std::uint32_t>> feeds_;     // by traits: the counters that mean its tasks
    std::vector<std::vector<Constraint>> constraints_;  // by traits
    std::uint64_t structure_ = 0, counted_ = 0;
    const void* tree_ = nullptr;
    NodeId nodes_ = 0;
    bool stale_ = true;
};

}  // namespace hal

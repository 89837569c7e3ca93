#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

#include "halcore/model/interner.h"
#include "halcore/model/spec.h"

namespace hal {

using QueueId = std::uint32_t;
inline constexpr QueueId kNoQueue = UINT32_MAX;

/// An amount of one resource of a queue tree, in base units.
struct QuotaAmount {
    std::uint32_t resource;
    std::int64_t amount;
};
inline constexpr std::uint32_t kQuotaCpu = 0, kQuotaMemory = 1, kQuotaGpu = 2;  // named resources follow

/// One queue as a caller hands it in. Resources are "cpu" (milli-CPU), "memory" (MiB), "gpu" (milli-GPU) and
/// named ones.
struct QueueSpec {
    std::string name, parent;  // parent empty: a top queue
    Amounts guarantee;         // absent: what its children are guaranteed
    Amounts maximum;           // absent: none of its own
    double weight = 1;         // of its share beyond guarantees, against its siblings
    bool lend = true;          // others may use its guarantee while it does not
};

/// An immutable tree of queues (organisation › project › user, or any other) with quotas.
///
/// Queue 0 is the root that holds the top queues; it has no name and no quota. A parent's number is below its
/// children's. What a queue *holds* of a resource is what runs in it, or, when it does not lend, at least its
/// guarantee; a quota is kept when no queue holds more than its maximum.
class QueueTree {
  public:
    static constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

    /// Throws InvalidModel naming the queue: names given twice, unknown parents, cycles, weights that are not
    /// positive, a guarantee over the maximum, guarantees of children over their parent's. O(queues).
    explicit QueueTree(std::vector<QueueSpec> specs);

    QueueId size() const { return static_cast<QueueId>(names_.size()); }  // the root included
    std::uint32_t resource_count() const { return resources_.size(); }
    const Interner& resources() const { return resources_; }
    std::uint64_t uid() const { return uid_; }

    const std::string& name(QueueId q) const { return names_[q]; }
    QueueId find(const std::string& name) const;  // kNoQueue when unknown
    QueueId parent(QueueId q) const { return parent_[q]; }
    bool leaf(QueueId q) const { return child_begin_[q] == child_begin_[q + 1]; }
    /// Children are consecutive in the order given: first_child(q) … first_child(q) + child_count(q).
    QueueId first_child(QueueId q) const { return child_begin_[q]; }
    std::uint32_t child_count(QueueId q) const { return child_begin_[q + 1] - child_begin_[q]; }
    double weight(QueueId q) const { return weight_[q]; }
    std::int64_t guarantee(QueueId q, std::uint32_t r) const { return guarantee_[at(q, r)]; }
    std::int64_t maximum(QueueId q, std::uint32_t r) const { return maximum_[at(q, r)]; }
    /// What it holds even when nothing runs in it.
    std::int64_t reserved(QueueId q, std::uint32_t r) const { return lend_[q] ? 0 : guarantee_[at(q, r)]; }
    std::size_t at(QueueId q, std::uint32_t r) const {
        return static_cast<std::size_t>(q) * resource_count() + r;
    }
    /// "organisation › project › user".
    std::string path(QueueId q) const;
    /// The leaf of that name; InvalidModel when there is none, for a job that names it.
    QueueId leaf_for(const std::string& job, const std::string& queue) const;

  private:
    void number(std::vector<QueueSpec>& specs);
    void check_guarantees(const std::vector<std::uint8_t>& stated);

    std::uint64_t uid_;
    Interner resources_;
    std::vector<std::string> names_;
    std::unordered_map<std::string, QueueId> by_name_;
    std::vector<QueueId> parent_, child_begin_;
    std::vector<double> weight_;
    std::vector<std::uint8_t> lend_;
    std::vector<std::int64_t> guarantee_, maximum_;
};

/// An amount for people: CPUs, MiB, GPUs, or a plain number, with the resource's name.
std::string describe_amount(const std::string& resource, std::int64_t amount);

}  // namespace hal

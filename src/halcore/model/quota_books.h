#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "halcore/model/queue_tree.h"

namespace hal {

/// The quota that keeps a job waiting: the lowest queue whose maximum it would break.
struct QuotaBlock {
    QueueId queue = kNoQueue;
    std::uint32_t resource = 0;
    std::int64_t need = 0;      // of the job
    std::int64_t used = 0;      // by what runs in the queue
    std::int64_t reserved = 0;  // kept for queues below it that do not lend
    std::int64_t maximum = 0;
    std::int64_t missing() const { return used + reserved + need - maximum; }
};
/// "queue 'a' at its maximum: needs 2 GPUs, has 7 of 8 GPUs in use; 1 GPUs missing".
std::string describe(const QuotaBlock& block, const QueueTree& tree);

/// What each queue of a tree uses and holds. O(depth) a charge and a check.
class QuotaBooks {
  public:
    explicit QuotaBooks(const QueueTree& tree);

    void charge(QueueId leaf, std::uint32_t resource, std::int64_t amount);  // negative gives back
    void charge(QueueId leaf, std::span<const QuotaAmount> need) {
        for (const auto& [resource, amount] : need) charge(leaf, resource, amount);
    }
    /// The first quota that the leaf would break with this much more, from the leaf up.
    std::optional<QuotaBlock> block(QueueId leaf, std::span<const QuotaAmount> need) const;
    /// The same for what is charged already: a quota of these resources that is broken now.
    std::optional<QuotaBlock> broken(QueueId leaf, std::span<const QuotaAmount> charged) const;

    std::int64_t used(QueueId q, std::uint32_t r) const { return used_[tree_.at(q, r)]; }
    std::int64_t held(QueueId q, std::uint32_t r) const {
        return std::max(inside_[tree_.at(q, r)], tree_.reserved(q, r));
    }
    /// It uses nothing beyond its guarantee and has some of it left.
    bool within_guarantee(QueueId q) const;

  private:
    const QueueTree& tree_;
    std::vector<std::int64_t> used_;    // by queue and resource
    std::vector<std::int64_t> inside_;  // what its children hold, or a leaf uses
};

}  // namespace hal

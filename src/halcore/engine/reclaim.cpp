#include "halcore/engine/reclaim.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace hal {
namespace {

class Claim {
  public:
    Claim(const QueueTree& tree, QuotaBooks& books, std::vector<std::int64_t>& free,
          std::span<const double> capacity, QueueId leaf, const std::vector<QuotaAmount>& need)
        : tree_(tree), books_(books), free_(free), capacity_(capacity), leaf_(leaf), need_(need) {}

    /// The quota in the way, or (queue 0) the capacity; none when the claim has room.
    std::optional<QuotaBlock> blocked() const {
        if (const auto block = books_.block(leaf_, need_)) return block;
        for (const auto& [r, amount] : need_) {
            if (amount <= free_[r]) continue;
            const std::int64_t used = books_.used(0, r);
            return QuotaBlock{0, r, amount, used, 0, used + free_[r]};
        }
        return std::nullopt;
    }
    /// The branch of `other` where it parts from the claimant's, when it owes the claimant; else kNoQueue.
    QueueId debtor(const QuotaBlock& block, QueueId other) const {
        QueueId mine = leaf_;
        while (mine != other && tree_.parent(mine) != tree_.parent(other)) {
            (mine > other ? mine : other) = tree_.parent(std::max(mine, other));
        }
        if (mine == other || !below(other, block.queue)) return kNoQueue;
        const std::uint32_t r = block.resource;
        if (books_.used(other, r) <= tree_.guarantee(other, r)) return kNoQueue;
        for (const auto& [resource, amount] : need_) {
            if (resource == r && books_.used(mine, r) + amount > tree_.guarantee(mine, r)) return kNoQueue;
        }
        return other;
    }
    double share(QueueId branch) const { return fair_key(tree_, books_, {}, capacity_, branch).share; }
    void give(const QueuedRunning& job, int by) {  // 1: takes it back
        for (const auto& [r, amount] : job.use) {
            books_.charge(job.queue, r, by * amount);
            free_[r] -= by * amount;
        }
    }

  private:
    bool below(QueueId q, QueueId top) const {
        while (q > top) q = tree_.parent(q);
        return q == top;
    }
    const QueueTree& tree_;
    QuotaBooks& books_;
    std::vector<std::int64_t>& free_;
    std::span<const double> capacity_;
    QueueId leaf_;
    const std::vector<QuotaAmount>& need_;
};

bool uses(const QueuedRunning& job, std::uint32_t resource) {
    return std::any_of(job.use.begin(), job.use.end(),
                       [&](const QuotaAmount& a) { return a.resource == resource && a.amount > 0; });
}

}  // namespace

Reclaim reclaim(const QueueTree& tree, QuotaBooks books, std::vector<std::int64_t> free,
                std::span<const double> capacity, QueueId claimant, const std::vector<QuotaAmount>& need,
                const std::vector<QueuedRunning>& running) {
    Reclaim out;
    Claim claim(tree, books, free, capacity, claimant, need);
    std::vector<std::uint8_t> gone(running.size(), 0);
    std::vector<std::size_t> chosen;
    std::optional<QuotaBlock> block;
    while ((block = claim.blocked())) {
        std::optional<std::size_t> best;
        std::tuple<double, std::int64_t, JobId> most{};
        QueueId branch = kNoQueue;
        for (std::size_t j = 0; j < running.size(); ++j) {
            if (gone[j] || !uses(running[j], block->resource)) continue;
            const QueueId debtor = claim.debtor(*block, running[j].queue);
            if (debtor == kNoQueue) continue;
            const std::tuple rank{claim.share(debtor), -std::int64_t{running[j].priority}, running[j].id};
            if (best && rank <= most) continue;
            best = j;
            most = rank;
            branch = debtor;
        }
        if (!best) break;
        gone[*best] = 1;
        claim.give(running[*best], -1);
        chosen.push_back(*best);
        out.victims.push_back({running[*best].id, branch});
    }
    out.enough = !block;
    if (block) {
        out.block = *block;
        return out;
    }
    for (std::size_t i = chosen.size(); i-- > 0;) {
        claim.give(running[chosen[i]], 1);
        if (!claim.blocked()) {
            out.victims.erase(out.victims.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
            claim.give(running[chosen[i]], -1);
        }
    }
    return out;
}

}  // namespace hal

#include "halcore/model/quota_books.h"

#include <algorithm>

namespace hal {

std::string describe(const QuotaBlock& block, const QueueTree& tree) {
    const std::string& resource = tree.resources().name(block.resource);
    const auto amount = [&](std::int64_t a) { return describe_amount(resource, a); };
    std::string text = "queue '" + tree.name(block.queue) + "' at its maximum: needs " + amount(block.need) +
                       ", has " + amount(block.used) + " of " + amount(block.maximum) + " in use";
    if (block.reserved > 0) text += " and " + amount(block.reserved) + " kept for queues that do not lend";
    return text + "; " + amount(block.missing()) + " missing";
}

QuotaBooks::QuotaBooks(const QueueTree& tree)
    : tree_(tree), used_(tree.at(tree.size(), 0), 0), inside_(used_.size(), 0) {
    for (QueueId q = tree.size(); q-- > 1;) {
        for (std::uint32_t r = 0; r < tree.resource_count(); ++r) {
            inside_[tree.at(tree.parent(q), r)] += held(q, r);
        }
    }
}

void QuotaBooks::charge(QueueId leaf, std::uint32_t r, std::int64_t amount) {
    for (QueueId q = leaf;; q = tree_.parent(q)) {
        used_[tree_.at(q, r)] += amount;
        if (q == 0) break;
    }
    for (QueueId q = leaf;; q = tree_.parent(q)) {
        const std::int64_t before = held(q, r);
        inside_[tree_.at(q, r)] += amount;
        amount = held(q, r) - before;
        if (q == 0 || amount == 0) return;
    }
}

std::optional<QuotaBlock> QuotaBooks::block(QueueId leaf, std::span<const QuotaAmount> need) const {
    std::optional<QuotaBlock> found;
    for (const auto& [r, amount] : need) {
        std::int64_t more = amount;
        for (QueueId q = leaf; more > 0; q = tree_.parent(q)) {
            const std::int64_t inside = inside_[tree_.at(q, r)], before = held(q, r);
            const std::int64_t after = std::max(inside + more, tree_.reserved(q, r));
            if (after > tree_.maximum(q, r)) {
                if (!found || q > found->queue) {  // a larger number is never higher up
                    const std::int64_t kept = inside - used(q, r) - (amount - more);
                    found = {q, r, amount, used(q, r), kept, tree_.maximum(q, r)};
                }
                break;
            }
            more = after - before;
            if (q == 0) break;
        }
    }
    return found;
}

std::optional<QuotaBlock> QuotaBooks::broken(QueueId leaf, std::span<const QuotaAmount> charged) const {
    for (QueueId q = leaf; q != 0; q = tree_.parent(q)) {
        for (const auto& [r, amount] : charged) {
            if (amount > 0 && held(q, r) > tree_.maximum(q, r)) {
                const std::int64_t others = used(q, r) - amount;
                return QuotaBlock{
                    q, r, amount, others, inside_[tree_.at(q, r)] - used(q, r), tree_.maximum(q, r)};
            }
        }
    }
    return std::nullopt;
}

bool QuotaBooks::within_guarantee(QueueId q) const {
    bool room = false;
    for (std::uint32_t r = 0; r < tree_.resource_count(); ++r) {
        if (used(q, r) > tree_.guarantee(q, r)) return false;
        room |= used(q, r) < tree_.guarantee(q, r);
    }
    return room;
}

}  // namespace hal

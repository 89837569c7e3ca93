#include "halcore/engine/fair_order.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace hal {
namespace {

// The jobs of each leaf in the order in which it would start them.
struct LeafLists {
    std::vector<std::int64_t> rows;
    std::vector<std::size_t> next, end;  // by queue

    LeafLists(const QueueTree& tree, const PendingJobs& jobs)
        : rows(jobs.queue.size()), next(tree.size(), 0), end(tree.size(), 0) {
        for (const QueueId q : jobs.queue) ++end[q];
        std::size_t begin = 0;
        for (QueueId q = 0; q < tree.size(); ++q) {
            next[q] = begin;
            begin += end[q];
            end[q] = next[q];
        }
        for (std::size_t j = 0; j < rows.size(); ++j)
            rows[end[jobs.queue[j]]++] = static_cast<std::int64_t>(j);
        const auto first = [&](std::int64_t a, std::int64_t b) {
            return jobs.priority[a] > jobs.priority[b];
        };
        for (QueueId q = 0; q < tree.size(); ++q) {
            const auto from = rows.begin() + static_cast<std::ptrdiff_t>(next[q]);
            const auto to = rows.begin() + static_cast<std::ptrdiff_t>(end[q]);
            if (!std::is_sorted(from, to, first)) std::stable_sort(from, to, first);
        }
    }
};

// Of each queue the children that have jobs left, as a heap with the worst off on top. A queue's key only
// ever grows while jobs start, so only the top's must be renewed.
class Contest {
  public:
    Contest(const QueueTree& tree, const QuotaBooks& books, const std::vector<double>& average,
            std::span<const double> capacity, const LeafLists& lists)
        : tree_(tree), books_(books), average_(average), capacity_(capacity), heaps_(tree.size()) {
        std::vector<std::uint8_t> active(tree.size(), 0);
        for (QueueId q = tree.size(); q-- > 1;) {
            active[q] |= lists.next[q] < lists.end[q];
            if (!active[q]) continue;
            active[tree.parent(q)] = 1;
            heaps_[tree.parent(q)].push_back(fair_key(tree, books, average, capacity, q));
        }
        for (auto& heap : heaps_) std::make_heap(heap.begin(), heap.end(), std::greater<>{});
    }
    bool done() const { return heaps_[0].empty(); }
    QueueId leaf() const {
        QueueId q = 0;
        while (!tree_.leaf(q)) q = heaps_[q].front().queue;
        return q;
    }
    // The leaf on top has started a job, or (gone) has none left.
    void renew(QueueId leaf, bool gone, bool started) {
        for (QueueId q = leaf; q != 0; q = tree_.parent(q)) {
            auto& heap = heaps_[tree_.parent(q)];
            if (!gone && !started) return;
            if (gone) {
                std::pop_heap(heap.begin(), heap.end(), std::greater<>{});
                heap.pop_back();
                gone = heap.empty();
            } else {
                heap.front() = fair_key(tree_, books_, average_, capacity_, q);
                sift_down(heap);
            }
        }
    }

  private:
    static void sift_down(std::vector<FairKey>& heap) {
        std::size_t i = 0;
        const FairKey key = heap[0];
        for (std::size_t child; (child = 2 * i + 1) < heap.size(); i = child) {
            if (child + 1 < heap.size() && heap[child + 1] < heap[child]) ++child;
            if (!(heap[child] < key)) break;
            heap[i] = heap[child];
        }
        heap[i] = key;
    }
    const QueueTree& tree_;
    const QuotaBooks& books_;
    const std::vector<double>& average_;
    std::span<const double> capacity_;
    std::vector<std::vector<FairKey>> heaps_;
};

}  // namespace

FairKey fair_key(const QueueTree& tree, const QuotaBooks& books, const std::vector<double>& average,
                 std::span<const double> capacity, QueueId q) {
    FairKey key{!books.within_guarantee(q), 0, q};
    for (std::uint32_t r = 0; r < tree.resource_count(); ++r) {
        auto amount = static_cast<double>(books.used(q, r));
        double of = static_cast<double>(tree.guarantee(q, r));
        if (key.beyond) {
            if (!average.empty()) amount += average[tree.at(q, r)];
            of = capacity[r];
        }
        if (amount > 0)
            key.share = std::max(key.share, of > 0 ? amount / of : std::numeric_limits<double>::max());
    }
    if (key.beyond) key.share /= tree.weight(q);
    return key;
}

FairOrder fair_order(const QueueTree& tree, QuotaBooks books, const std::vector<double>& average,
                     std::span<const double> capacity, const PendingJobs& jobs) {
    FairOrder out;
    LeafLists lists(tree, jobs);
    Contest contest(tree, books, average, capacity, lists);
    std::vector<QuotaAmount> need;
    while (!contest.done()) {
        const QueueId leaf = contest.leaf();
        const std::int64_t row = lists.rows[lists.next[leaf]++];
        need = jobs.needs[jobs.need[row]];
        for (auto& [resource, amount] : need) amount *= jobs.tasks[row];
        const auto block = books.block(leaf, need);
        if (block) {
            out.waiting.push_back(row);
            out.blocks.push_back(*block);
        } else {
            books.charge(leaf, need);
            bool borrows = false;
            for (const auto& [r, amount] : need) borrows |= books.used(leaf, r) > tree.guarantee(leaf, r);
            out.order.push_back(row);
            out.borrows.push_back(borrows);
        }
        contest.renew(leaf, lists.next[leaf] == lists.end[leaf], !block);
    }
    return out;
}

}  // namespace hal

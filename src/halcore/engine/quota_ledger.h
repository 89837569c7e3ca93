#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "halcore/engine/reclaim.h"
#include "halcore/model/cluster.h"
#include "halcore/model/quota_books.h"

namespace hal {

/// What one task of a shape counts against a tree, in the tree's resources; amounts above 0 only. The share
/// of a GPU asked for by memory is known once its device is: it is left out.
void quota_need(const ShapeSpec& shape, const QueueTree& tree, std::vector<QuotaAmount>& need);

/// The capacity, or what is free of it, of all present nodes together, by resource of the tree. O(nodes).
std::vector<std::int64_t> quota_totals(const Cluster& cluster, const QueueTree& tree, bool only_free);

/// The use of the queues of one tree by what runs on one cluster. It follows the cluster's books, through
/// undo too; jobs of no queue, or of queues that the tree does not know, are not counted. O(depth) a task.
class QuotaLedger final : public TaskObserver {
  public:
    QuotaLedger(std::shared_ptr<const QueueTree> tree, Cluster& cluster);
    ~QuotaLedger() override;
    QuotaLedger(const QuotaLedger&) = delete;
    QuotaLedger& operator=(const QuotaLedger&) = delete;

    void changed(const TaskPlace& task, int by) override;

    /// InvalidModel when the traits name no leaf of the tree.
    void check(const std::string& job, TraitsId traits) {
        if (leaf(traits) == kNoQueue) tree_->leaf_for(job, cluster_.traits()[traits].queue);
    }
    struct Refusal {
        QuotaBlock block;
        bool never;  // not even on an empty tree
    };
    /// What keeps more tasks, of one or several shapes, out of the queue of these traits.
    std::optional<Refusal> refuses(TraitsId traits, std::span<const std::pair<ShapeId, std::int32_t>> tasks);
    /// The same, for tasks that are in the books already.
    std::optional<Refusal> refuses(TraitsId traits, std::span<const TaskPlace> taken);

    /// kNoQueue when the traits name no leaf of the tree.
    QueueId leaf(TraitsId traits);
    /// Every job of the books that counts, with what it uses, by id.
    std::vector<QueuedRunning> running();
    const QueueTree& tree() const { return *tree_; }
    const QuotaBooks& books() const { return books_; }

  private:
    const std::vector<QuotaAmount>& need_of(ShapeId shape);
    /// A share of a GPU asked for by memory is known only once the device is.
    bool by_memory(ShapeId shape) const {
        return cluster_.shape(shape).gpus > 0 && cluster_.shape(shape).milli == 0;
    }
    std::int64_t memory_share(const TaskPlace& task) const;  // milli-GPU
    void add(std::span<const TaskPlace> taken);
    const std::vector<QuotaAmount>& take_sums();  // what add() added up, which starts anew

    std::shared_ptr<const QueueTree> tree_;
    Cluster& cluster_;
    QuotaBooks books_;
    const QuotaBooks empty_;
    std::vector<QueueId> queues_;                  // by traits
    std::vector<std::vector<QuotaAmount>> needs_;  // by shape
    std::vector<std::int64_t> sums_;               // by resource
    std::vector<QuotaAmount> need_;
};

}  // namespace hal

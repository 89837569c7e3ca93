// The quota stage: before a job is given nodes, its queue must have room.
#include <algorithm>

#include "halcore/engine/engine.h"

namespace hal {

QuotaLedger& Engine::ledger(const std::shared_ptr<const QueueTree>& queues) {
    auto it = std::find_if(ledgers_.begin(), ledgers_.end(),
                           [&](const auto& l) { return l->tree().uid() == queues->uid(); });
    if (it == ledgers_.end()) {
        ledgers_.push_front(std::make_unique<QuotaLedger>(queues, cluster_));
        if (ledgers_.size() > kLedgers) ledgers_.pop_back();
    } else if (it != ledgers_.begin()) {
        ledgers_.splice(ledgers_.begin(), ledgers_, it);
    }
    return *ledgers_.front();
}

void Engine::use_queues(const std::shared_ptr<const QueueTree>& queues) {
    queues_ = queues;
    if (queues) ledger(queues);
}

std::optional<QuotaLedger::Refusal> Engine::over_quota(
    TraitsId traits, std::span<const std::pair<ShapeId, std::int32_t>> tasks) {
    if (!queues_ || ledger(queues_).leaf(traits) == kNoQueue) return std::nullopt;
    return ledger(queues_).refuses(traits, tasks);
}

std::optional<QuotaLedger::Refusal> Engine::over_quota(TraitsId traits, std::span<const TaskPlace> taken) {
    if (!queues_ || ledger(queues_).leaf(traits) == kNoQueue) return std::nullopt;
    return ledger(queues_).refuses(traits, taken);
}

std::optional<QuotaLedger::Refusal> Engine::over_quota(const JobRequest& job) {
    if (!queues_) return std::nullopt;
    std::vector<std::pair<ShapeId, std::int32_t>> tasks;
    if (job.gang) {
        for (const auto& role : job.gang->roles) tasks.emplace_back(role.shape, role.min_tasks);
    } else {
        tasks.emplace_back(job.shape, job.tasks);
    }
    return over_quota(job.traits, tasks);
}

}  // namespace hal

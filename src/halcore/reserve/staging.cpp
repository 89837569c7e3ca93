#include "halcore/reserve/staging.h"

#include <algorithm>
#include <queue>
#include <utility>

#include "halcore/model/nearest_source.h"
#include "halcore/reserve/link_calendar.h"

namespace hal {

namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 62;

/// An input that a job would have to fetch.
struct Want {
    std::int32_t job;
    CacheIndex cache;
    std::int64_t start, weight;
    std::int64_t micros, cost;  // with the copies there will be by its start
};

struct Copy {
    CacheIndex cache;
    std::int64_t ready;
};

/// What is known about one dataset that someone wants.
struct Item {
    DatasetId dataset;
    std::int64_t bytes;
    std::int64_t latest;              // start of the last job that wants it
    std::vector<Want> wants;          // sorted by position of the cache
    std::vector<CacheIndex> targets;  // sorted
    std::vector<Copy> copies;         // made by the plan, sorted by cache
};

struct Candidate {
    double score;  // when it was last computed
    std::int32_t item;
    CacheIndex target;
    bool operator<(const Candidate& other) const {  // priority_queue keeps the greatest
        if (score != other.score) return score < other.score;
        return item != other.item ? item > other.item : target > other.target;
    }
};

class Planner {
  public:
    Planner(const ContentMap& content, const StagingDemand& demand, const StagingOptions& options)
        : content_(content),
          tree_(content.tree()),
          value_(options.value),
          evict_(options.evict),
          evictions_(content, staying(content, demand, options), options.value == StagingValue::Money),
          jobs_(demand.cache.size()),
          links_(tree_.size()),
          free_(tree_.size()) {
        for (CacheIndex c = 0; c < tree_.size(); ++c) free_[c] = content.free(c);
        collect(demand);
        total(plan_.wait_before, plan_.cost_before);
    }

    StagingPlan run() {
        for (std::int32_t i = 0; i < static_cast<std::int32_t>(items_.size()); ++i)
            for (const CacheIndex target : items_[i].targets) offer(i, target);
        while (!heap_.empty()) {
            const Candidate top = heap_.top();
            heap_.pop();
            Item& item = items_[top.item];
            if (taken(item, top.target)) continue;
            const StagingMove move = best_move(item, top.target);
            const Candidate now{score(move), top.item, top.target};
            if (!(now.score > 0)) continue;
            if (!heap_.empty() && now < heap_.top())
                heap_.push(now);
            else
                for (const CacheIndex target : commit(item, move)) offer(top.item, target);
        }
        total(plan_.wait_after, plan_.cost_after);
        std::vector<Evictions::Arrival> arrivals;
        for (const StagingMove& move : plan_.moves) arrivals.push_back({move.target, move.begin, move.bytes});
        plan_.evictions = evictions_.timed(std::move(arrivals));
        return std::move(plan_);
    }

  private:
    static std::vector<bool> staying(const ContentMap& content, const StagingDemand& demand,
                                     const StagingOptions& options) {
        std::vector<bool> stays(content.datasets());
        for (const DatasetId dataset : demand.inputs) stays[dataset] = true;
        for (const DatasetId dataset : options.keep) stays[dataset] = true;
        return stays;
    }

    void collect(const StagingDemand& demand) {
        std::vector<std::pair<DatasetId, std::int32_t>> rows;
        for (std::int32_t job = 0; job < static_cast<std::int32_t>(demand.cache.size()); ++job)
            for (std::int64_t k = demand.first[job]; k < demand.first[job + 1]; ++k)
                rows.emplace_back(demand.inputs[k], job);
        std::sort(rows.begin(), rows.end());
        rows.erase(std::unique(rows.begin(), rows.end()),
                   rows.end());  // an input named twice is fetched once
        for (const auto& [dataset, job] : rows) {
            const Transfer now = nearest_source(content_, dataset, demand.cache[job]);
            if (now.source < 0 || now.source == demand.cache[job]) continue;
            if (items_.empty() || items_.back().dataset != dataset)
                items_.push_back({dataset, content_.bytes(dataset), 0, {}, {}, {}});
            Item& item = items_.back();
            item.latest = std::max(item.latest, demand.start[job]);
            item.wants.push_back(
                {job, demand.cache[job], demand.start[job], demand.weight[job], now.micros, now.cost});
        }
        for (Item& item : items_) {
            std::stable_sort(item.wants.begin(), item.wants.end(), [&](const Want& a, const Want& b) {
                return tree_.position(a.cache) < tree_.position(b.cache);
            });
            for (const Want& want : item.wants)
                for (CacheIndex c = want.cache; c >= 0; c = tree_.parent(c))
                    if (!holds(item.dataset, c)) item.targets.push_back(c);
            std::sort(item.targets.begin(), item.targets.end());
            item.targets.erase(std::unique(item.targets.begin(), item.targets.end()), item.targets.end());
        }
    }

    bool holds(DatasetId dataset, CacheIndex cache) const {
        const auto holders = content_.holders(dataset);
        const std::int32_t at = tree_.position(cache);
        const auto found = std::lower_bound(holders.begin(), holders.end(), at,
                                            [](const Holder& h, std::int32_t p) { return h.position < p; });
        return found != holders.end() && found->position == at;
    }
    static const Copy* copy_in(const Item& item, CacheIndex cache) {
        const auto at = std::lower_bound(item.copies.begin(), item.copies.end(), cache,
                                         [](const Copy& copy, CacheIndex c) { return copy.cache < c; });
        return at != item.copies.end() && at->cache == cache ? &*at : nullptr;
    }
    static bool taken(const Item& item, CacheIndex target) { return copy_in(item, target) != nullptr; }

    void offer(std::int32_t item, CacheIndex target) {
        if (taken(items_[item], target)) return;
        const Candidate candidate{score(best_move(items_[item], target)), item, target};
        if (candidate.score > 0) heap_.push(candidate);
    }

    static double score(const StagingMove& move) {
        return static_cast<double>(move.benefit) / static_cast<double>(std::max<std::int64_t>(move.bytes, 1));
    }

    /// The move to a target that ends first; its benefit is 0 when it cannot be made in time.
    StagingMove best_move(const Item& item, CacheIndex target) {
        StagingMove best{item.dataset, -1, target, 0, item.latest + 1, item.bytes, 0, 0};
        if (item.bytes > free_[target] && (!evict_ || item.bytes > free_[target] + evictions_.room(target)))
            return best;
        const Transfer from = nearest_source(content_, item.dataset, target);
        try_source({from.source, 0}, item, best);
        for (CacheIndex above = tree_.parent(target); above >= 0; above = tree_.parent(above))
            if (const Copy* const copy = copy_in(item, above)) try_source(*copy, item, best);
        if (best.source < 0) return best;
        best.cost = tree_.path(best.source, target).cost(item.bytes);
        best.benefit = benefit(item, best);
        return best;
    }

    void try_source(const Copy& from, const Item& item, StagingMove& best) const {
        const std::int64_t length = tree_.path(from.cache, best.target).micros(item.bytes);
        if (length > item.latest) return;
        const std::int64_t begin =
            links_.earliest(crossed(from.cache, best.target), from.ready, length, item.latest - length);
        const std::int64_t end = begin + length;
        if (end < best.end || (end == best.end && from.cache < best.source)) {
            best.source = from.cache;
            best.begin = begin;
            best.end = end;
        }
    }

    const std::vector<std::int32_t>& crossed(CacheIndex from, CacheIndex to) const {
        route_.clear();
        std::int32_t a = tree_.position(from), b = tree_.position(to);
        while (a != b) {
            std::int32_t& deeper = tree_.at(a).depth >= tree_.at(b).depth ? a : b;
            route_.push_back(deeper);
            deeper = tree_.at(deeper).parent;
        }
        return route_;
    }

    /// Saturates: a sum past kMost is as good as any other.
    std::int64_t benefit(const Item& item, const StagingMove& move) const {
        __int128 sum = value_ == StagingValue::Money ? -static_cast<__int128>(move.cost) : 0;
        for (const Want& want : below(item, move.target)) {
            if (want.start < move.end) continue;
            const CachePath path = tree_.path(move.target, want.cache);
            const std::int64_t micros = path.micros(item.bytes);
            if (micros >= want.micros) continue;
            sum += value_ == StagingValue::Money
                       ? static_cast<__int128>(want.cost - path.cost(item.bytes))
                       : static_cast<__int128>(want.weight) * (want.micros - micros);
        }
        return static_cast<std::int64_t>(std::clamp<__int128>(sum, -kMost, kMost));
    }

    std::span<const Want> below(const Item& item, CacheIndex top) const {
        const auto from = [&](std::int32_t position) {
            return std::partition_point(item.wants.begin(), item.wants.end(), [&](const Want& want) {
                return tree_.position(want.cache) < position;
            });
        };
        const std::int32_t begin = tree_.position(top);
        return {from(begin), from(tree_.at(begin).end)};
    }

    /// Returns the targets for the same dataset that may have gained: those the copy can now be a source for,
    /// and those above a job that now fetches from elsewhere, at whatever price.
    std::vector<CacheIndex> commit(Item& item, const StagingMove& move) {
        links_.book(crossed(move.source, move.target), move.begin, move.end);
        std::int64_t& free = free_[move.target];
        if (free < item.bytes) free += evictions_.free_up(move.target, item.bytes - free);
        free -= item.bytes;
        const Copy copy{move.target, move.end};
        item.copies.insert(std::lower_bound(item.copies.begin(), item.copies.end(), copy,
                                            [](const Copy& a, const Copy& b) { return a.cache < b.cache; }),
                           copy);
        plan_.moves.push_back(move);
        std::vector<CacheIndex> gained;
        const auto add_chain = [&](CacheIndex from, CacheIndex to) {
            for (CacheIndex c = from; c != to; c = tree_.parent(c)) gained.push_back(c);
        };
        for (const Want& want : below(item, move.target)) add_chain(want.cache, move.target);
        for (Want& want : item.wants) {
            if (want.start < move.end) continue;
            const CachePath path = tree_.path(move.target, want.cache);
            if (path.micros(item.bytes) >= want.micros) continue;
            want.micros = path.micros(item.bytes);
            want.cost = path.cost(item.bytes);
            if (value_ == StagingValue::Money) add_chain(want.cache, -1);
        }
        std::sort(gained.begin(), gained.end());
        gained.erase(std::unique(gained.begin(), gained.end()), gained.end());
        std::erase_if(gained, [&](CacheIndex c) { return holds(item.dataset, c); });
        return gained;
    }

    /// What jobs wait and pay for their inputs as things stand; saturates like benefit.
    void total(std::vector<std::int64_t>& wait, std::vector<std::int64_t>& cost) const {
        wait.assign(jobs_, 0);
        cost.assign(jobs_, 0);
        const auto add = [](std::int64_t& sum, std::int64_t more) {
            sum = more > kMost - sum ? kMost : sum + more;
        };
        for (const Item& item : items_)
            for (const Want& want : item.wants) {
                add(wait[want.job], want.micros);
                add(cost[want.job], want.cost);
            }
    }

    const ContentMap& content_;
    const CacheTree& tree_;
    StagingValue value_;
    bool evict_;
    Evictions evictions_;
    std::size_t jobs_;
    LinkCalendar links_;
    std::vector<std::int64_t> free_;
    std::vector<Item> items_;  // by dataset
    std::priority_queue<Candidate> heap_;
    StagingPlan plan_;
    mutable std::vector<std::int32_t> route_;  // scratch
};

}  // namespace

StagingPlan plan_staging(const ContentMap& content, const StagingDemand& demand,
                         const StagingOptions& options) {
    check_staging(content, demand, options.keep);
    return Planner(content, demand, options).run();
}

}  // namespace hal

#include "halcore/reserve/evictions.h"

#include <algorithm>
#include <tuple>

namespace hal {

Evictions::Evictions(const ContentMap& content, std::vector<bool> stays, bool by_money)
    : content_(content), stays_(std::move(stays)), by_money_(by_money) {}

std::int64_t& Evictions::left(DatasetId dataset) {
    const auto [it, first] = left_.try_emplace(dataset, 0);
    if (first) it->second = static_cast<std::int64_t>(content_.holders(dataset).size());
    return it->second;
}

std::int64_t Evictions::dear(DatasetId dataset, CacheIndex cache) const {
    const CacheTree& tree = content_.tree();
    const std::int64_t bytes = content_.bytes(dataset);
    std::int64_t least = -1;
    for (const Holder& holder : content_.holders(dataset)) {
        const CacheIndex from = tree.at(holder.position).cache;
        if (from == cache) continue;
        const CachePath path = tree.path(from, cache);
        const std::int64_t takes = by_money_ ? path.cost(bytes) : path.micros(bytes);
        if (least < 0 || takes < least) least = takes;
    }
    return least;
}

Evictions::Shelf& Evictions::shelf(CacheIndex cache) {
    const auto [it, first] = shelves_.try_emplace(cache);
    Shelf& shelf = it->second;
    if (!first) return shelf;
    for (const DatasetId dataset : content_.contents(cache)) {
        const std::int64_t bytes = content_.bytes(dataset);
        if (bytes == 0 || stays_[dataset] || content_.holders(dataset).size() < 2) continue;
        shelf.copies.push_back({dataset, bytes, dear(dataset, cache)});
        if (left(dataset) > 1) shelf.room += bytes;
    }
    std::sort(shelf.copies.begin(), shelf.copies.end(), [](const Copy& a, const Copy& b) {
        const __int128 x = static_cast<__int128>(a.dear) * b.bytes;
        const __int128 y = static_cast<__int128>(b.dear) * a.bytes;
        return x != y ? x < y : a.dataset < b.dataset;
    });
    return shelf;
}

std::int64_t Evictions::room(CacheIndex cache) {
    return shelf(cache).room;
}

void Evictions::drop(Copy& copy, CacheIndex cache) {
    copy.gone = true;
    gone_.emplace(copy.dataset, cache);
    shelf(cache).room -= copy.bytes;
    if (--left(copy.dataset) > 1) return;
    // Whoever has the last copy keeps it.
    for (const Holder& holder : content_.holders(copy.dataset)) {
        const CacheIndex last = content_.tree().at(holder.position).cache;
        if (gone_.contains({copy.dataset, last})) continue;
        if (const auto known = shelves_.find(last); known != shelves_.end()) known->second.room -= copy.bytes;
    }
}

std::int64_t Evictions::free_up(CacheIndex cache, std::int64_t bytes) {
    std::vector<Copy*> taken;
    std::int64_t sum = 0;
    for (Copy& copy : shelf(cache).copies) {
        if (sum >= bytes) break;
        if (copy.gone || left(copy.dataset) < 2) continue;
        taken.push_back(&copy);
        sum += copy.bytes;
    }
    for (std::size_t i = taken.size(); i-- > 0;) {
        if (sum - taken[i]->bytes < bytes) continue;
        sum -= taken[i]->bytes;
        taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (Copy* const copy : taken) {
        drop(*copy, cache);
        chosen_[cache].push_back({copy->dataset, cache, 0, copy->bytes});
    }
    return sum;
}

std::vector<StagingEviction> Evictions::timed(std::vector<Arrival> arrivals) const {
    std::sort(arrivals.begin(), arrivals.end(), [](const Arrival& a, const Arrival& b) {
        return std::tie(a.cache, a.at) < std::tie(b.cache, b.at);
    });
    std::vector<StagingEviction> result;
    for (const auto& [cache, chosen] : chosen_) {
        std::int64_t free = content_.free(cache);
        auto arrival = std::lower_bound(arrivals.begin(), arrivals.end(), cache,
                                        [](const Arrival& a, CacheIndex c) { return a.cache < c; });
        std::size_t next = 0;
        for (; arrival != arrivals.end() && arrival->cache == cache; ++arrival) {
            for (free -= arrival->bytes; free < 0 && next < chosen.size(); ++next) {
                free += chosen[next].bytes;
                result.push_back(chosen[next]);
                result.back().at = arrival->at;
            }
        }
    }
    std::stable_sort(result.begin(), result.end(), [](const StagingEviction& a, const StagingEviction& b) {
        return std::tie(a.at, a.cache) < std::tie(b.at, b.cache);
    });
    return result;
}

}  // namespace hal

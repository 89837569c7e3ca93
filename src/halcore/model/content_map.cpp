#include "halcore/model/content_map.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "halcore/model/error.h"

namespace hal {

using Kind = ContentFault::Kind;

ContentMap::ContentMap(std::shared_ptr<const CacheTree> tree)
    : tree_(std::move(tree)), contents_(tree_->size()), used_(tree_->size(), 0) {}

DatasetId ContentMap::add_datasets(std::int32_t count) {
    const DatasetId first = datasets();
    if (count < 0 || count > std::numeric_limits<DatasetId>::max() - first)
        throw InvalidModel("datasets: cannot add " + std::to_string(count) + " to " + std::to_string(first));
    entries_.resize(entries_.size() + count);
    return first;
}

DatasetId ContentMap::intern(const std::string& name) {
    const auto [it, added] = ids_.try_emplace(name, datasets());
    if (added) {
        add_datasets(1);
        names_.emplace(it->second, &it->first);
    }
    return it->second;
}

DatasetId ContentMap::find(const std::string& name) const {
    const auto it = ids_.find(name);
    return it == ids_.end() ? -1 : it->second;
}

std::string ContentMap::name(DatasetId dataset) const {
    const auto it = names_.find(dataset);
    return it == names_.end() ? "#" + std::to_string(dataset) : *it->second;
}

void ContentMap::drop_datasets(DatasetId first) {
    if (first < 0 || first > datasets())
        throw InvalidModel("datasets: cannot drop from " + std::to_string(first) + " of " +
                           std::to_string(datasets()));
    for (DatasetId d = first; d < datasets(); ++d)
        if (entries_[d].holders.size() > 0)
            throw InvalidModel("dataset " + std::to_string(d) + ": still in a cache; evict it first");
    for (DatasetId d = first; d < datasets(); ++d) {
        const auto it = names_.find(d);
        if (it == names_.end()) continue;
        ids_.erase(*it->second);
        names_.erase(it);
    }
    entries_.resize(first);
}

/// An eviction touches three far places, each found through the one before; they are fetched in two steps.
void ContentMap::prefetch_row(const ContentEvents& events, std::int64_t row) const {
    const auto rows = static_cast<std::int64_t>(events.dataset.size());
    const auto known = [&](std::int64_t r) {
        return r < rows && events.dataset[r] >= 0 && events.dataset[r] < datasets();
    };
    if (known(row + 16)) prefetch(events.dataset[row + 16]);
    const std::int64_t soon = row + 8;
    if (!known(soon) || events.cache[soon] < 0 || events.cache[soon] >= tree_->size()) return;
    const std::vector<DatasetId>& list = contents_[events.cache[soon]];
    if (list.empty() || events.change[soon] != static_cast<std::uint8_t>(ContentChange::Evicted)) return;
    const HolderList& holders = entries_[events.dataset[soon]].holders;
    const std::uint32_t at = holders.lower_bound(tree_->position(events.cache[soon]));
    if (at < holders.size()) __builtin_prefetch(list.data() + holders.data()[at].slot);
    prefetch(list.back());
}

std::optional<ContentFault> ContentMap::apply(const ContentEvents& events) {
    const auto rows = static_cast<std::int64_t>(events.change.size());
    if (events.dataset.size() != events.change.size() || events.cache.size() != events.change.size() ||
        events.bytes.size() != events.change.size())
        return ContentFault{Kind::Columns, -1, -1, -1, rows, 0};
    for (std::int64_t row = 0; row < rows; ++row) {
        prefetch_row(events, row);
        const DatasetId dataset = events.dataset[row];
        const CacheIndex cache = events.cache[row];
        const std::uint8_t change = events.change[row];
        std::optional<ContentFault> fault;
        if (dataset < 0 || dataset >= datasets())
            fault = ContentFault{Kind::UnknownDataset, row, -1, -1, dataset, datasets()};
        else if (cache < 0 || cache >= tree_->size())
            fault = ContentFault{Kind::UnknownCache, row, dataset, -1, cache, tree_->size()};
        else if (change > static_cast<std::uint8_t>(ContentChange::Evicted))
            fault = ContentFault{Kind::UnknownChange, row, dataset, cache, change, 1};
        else if (change == static_cast<std::uint8_t>(ContentChange::Added))
            fault = add(row, dataset, cache, events.bytes[row]);
        else
            evict(dataset, cache);
        if (fault) {
            roll_back();
            return fault;
        }
    }
    commit();
    return std::nullopt;
}

std::optional<ContentFault> ContentMap::replace(CacheIndex cache, std::span<const DatasetId> datasets_now,
                                                std::span<const std::int64_t> bytes) {
    if (datasets_now.size() != bytes.size())
        return ContentFault{Kind::Columns, -1, -1, -1, static_cast<std::int64_t>(datasets_now.size()), 0};
    if (cache < 0 || cache >= tree_->size())
        return ContentFault{Kind::UnknownCache, -1, -1, -1, cache, tree_->size()};
    while (!contents_[cache].empty()) evict(contents_[cache].back(), cache);
    for (std::size_t i = 0; i < datasets_now.size(); ++i) {
        const DatasetId dataset = datasets_now[i];
        const auto row = static_cast<std::int64_t>(i);
        std::optional<ContentFault> fault;
        if (dataset < 0 || dataset >= datasets())
            fault = ContentFault{Kind::UnknownDataset, row, -1, cache, dataset, datasets()};
        else if (entries_[dataset].holders.find(tree_->position(cache)))
            fault = ContentFault{Kind::Repeated, row, dataset, cache, bytes[i], 0};
        else
            fault = add(row, dataset, cache, bytes[i]);
        if (fault) {
            roll_back();
            return fault;
        }
    }
    commit();
    return std::nullopt;
}

std::optional<ContentFault> ContentMap::add(std::int64_t row, DatasetId dataset, CacheIndex cache,
                                            std::int64_t bytes) {
    HolderList& holders = entries_[dataset].holders;
    const std::int64_t before = entries_[dataset].bytes;
    if (bytes < 0 || bytes > kMaxBytes)
        return ContentFault{Kind::BadSize, row, dataset, cache, bytes, kMaxBytes};
    if (holders.size() > 0 && bytes != before)
        return ContentFault{Kind::SizeConflict, row, dataset, cache, bytes, before};
    const std::int32_t position = tree_->position(cache);
    if (holders.find(position)) return std::nullopt;
    if (bytes > tree_->largest_capacity())
        return ContentFault{Kind::LargerThanAny, row, dataset, cache, bytes, tree_->largest_capacity()};
    if (bytes > free(cache)) return ContentFault{Kind::OverCapacity, row, dataset, cache, bytes, free(cache)};
    log_.push_back({dataset, position, before});
    entries_[dataset].bytes = bytes;
    put(dataset, position);
    return std::nullopt;
}

void ContentMap::evict(DatasetId dataset, CacheIndex cache) {
    Holder* const holder = entries_[dataset].holders.find(tree_->position(cache));
    if (!holder) return;
    log_.push_back({dataset, holder->position, -2 - entries_[dataset].bytes});
    take(dataset, holder);
}

void ContentMap::put(DatasetId dataset, std::int32_t position) {
    std::vector<DatasetId>& list = contents_[tree_->at(position).cache];
    entries_[dataset].holders.insert({position, static_cast<std::int32_t>(list.size())});
    list.push_back(dataset);
    used_[tree_->at(position).cache] += entries_[dataset].bytes;
    ++copies_;
}

void ContentMap::take(DatasetId dataset, Holder* holder) {
    const auto [position, slot] = *holder;
    std::vector<DatasetId>& list = contents_[tree_->at(position).cache];
    const DatasetId last = list.back();
    list[slot] = last;
    list.pop_back();
    entries_[last].holders.find(position)->slot = slot;
    entries_[dataset].holders.erase(entries_[dataset].holders.find(position));
    used_[tree_->at(position).cache] -= entries_[dataset].bytes;
    --copies_;
}

void ContentMap::roll_back() {
    for (auto it = log_.rbegin(); it != log_.rend(); ++it) {
        if (it->bytes <= -2) {
            entries_[it->dataset].bytes = -2 - it->bytes;
            put(it->dataset, it->position);
        } else {
            take(it->dataset, entries_[it->dataset].holders.find(it->position));
            entries_[it->dataset].bytes = it->bytes;
        }
    }
    log_.clear();
}

void ContentMap::commit() {
    version_ += !log_.empty();
    log_.clear();
}

}  // namespace hal

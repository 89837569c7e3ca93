#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "halcore/model/cache_tree.h"
#include "halcore/model/holder_list.h"

namespace hal {

using DatasetId = std::int32_t;

enum class ContentChange : std::uint8_t { Added = 0, Evicted = 1 };

/// One row an event, in the order in which they happened.
struct ContentEvents {
    std::span<const std::uint8_t> change;  // a ContentChange
    std::span<const DatasetId> dataset;
    std::span<const CacheIndex> cache;
    std::span<const std::int64_t> bytes;  // of the dataset; not read for an eviction
};

/// Why a batch was refused. The caller words it: only it knows the datasets' names.
struct ContentFault {
    enum class Kind : std::uint8_t {
        Columns,         // of unequal length
        UnknownChange,   // got = the value
        UnknownDataset,  // got = the id
        UnknownCache,    // got = the index
        BadSize,         // got = the bytes, limit = kMaxBytes
        SizeConflict,    // got = the bytes, limit = the size other caches hold it with
        LargerThanAny,   // got = the bytes, limit = the largest cache
        OverCapacity,    // got = the bytes, limit = what is free there
        Repeated,        // a dataset twice in one inventory
    };
    Kind kind;
    std::int64_t event;  // row
    DatasetId dataset;
    CacheIndex cache;
    std::int64_t got;
    std::int64_t limit;
};

/// Which dataset is in which caches, with its bytes.
///
/// A dataset has one size and is in a cache whole or not at all. Adding what is there and evicting what is
/// not change nothing, so a stream may be delivered twice. A batch is applied whole or not at all.
/// Memory: 64 bytes a dataset, 4 bytes a copy, and 8 to 16 more a copy from the seventh on.
/// An event costs O(log copies + copies after it in the tree).
class ContentMap {
  public:
    explicit ContentMap(std::shared_ptr<const CacheTree> tree);
    ContentMap(const ContentMap&) = delete;  // names_ points into ids_
    ContentMap& operator=(const ContentMap&) = delete;

    const CacheTree& tree() const { return *tree_; }
    std::int32_t datasets() const { return static_cast<std::int32_t>(entries_.size()); }
    std::int64_t copies() const { return copies_; }
    /// New nameless datasets, in no cache and of unknown size; the id of the first.
    DatasetId add_datasets(std::int32_t count);
    /// The dataset of a name, new or known.
    DatasetId intern(const std::string& name);
    /// -1 when no dataset has the name.
    DatasetId find(const std::string& name) const;
    /// "#17" for a nameless one.
    std::string name(DatasetId dataset) const;

    /// Forgets the datasets from an id on; none of them may be in a cache.
    void drop_datasets(DatasetId first);

    /// -1 until the first event tells it.
    std::int64_t bytes(DatasetId dataset) const { return entries_[dataset].bytes; }
    std::span<const Holder> holders(DatasetId dataset) const { return entries_[dataset].holders.view(); }
    /// A hint that a dataset is asked for soon: a random one out of a million is never in the CPU's caches.
    void prefetch(DatasetId dataset) const { __builtin_prefetch(&entries_[dataset]); }
    /// The order inside is an accident of past events.
    std::span<const DatasetId> contents(CacheIndex cache) const { return contents_[cache]; }
    std::int64_t used(CacheIndex cache) const { return used_[cache]; }
    std::int64_t free(CacheIndex cache) const { return tree_->capacity(cache) - used_[cache]; }
    /// Grows with every change; equal versions mean equal contents.
    std::uint64_t version() const { return version_; }

    [[nodiscard]] std::optional<ContentFault> apply(const ContentEvents& events);
    /// The whole inventory of one cache: what is not named has left it.
    [[nodiscard]] std::optional<ContentFault> replace(CacheIndex cache, std::span<const DatasetId> datasets,
                                                      std::span<const std::int64_t> bytes);

  private:
    struct alignas(64) Entry {  // one cache line
        std::int64_t bytes = -1;
        HolderList holders;
    };
    struct Undo {
        DatasetId dataset;
        std::int32_t position;
        std::int64_t bytes;  // before; ≤ -2 marks that the dataset was evicted and must return
    };

    std::optional<ContentFault> add(std::int64_t row, DatasetId dataset, CacheIndex cache,
                                    std::int64_t bytes);
    void evict(DatasetId dataset, CacheIndex cache);
    void put(DatasetId dataset, std::int32_t position);
    void take(DatasetId dataset, Holder* holder);
    void prefetch_row(const ContentEvents& events, std::int64_t row) const;
    void roll_back();
    void commit();

    std::shared_ptr<const CacheTree> tree_;
    std::vector<Entry> entries_;
    std::unordered_map<std::string, DatasetId> ids_;
    std::unordered_map<DatasetId, const std::string*> names_;  // into ids_
    std::vector<std::vector<DatasetId>> contents_;
    std::vector<std::int64_t> used_;
    std::vector<Undo> log_;
    std::int64_t copies_ = 0;
    std::uint64_t version_ = 0;
};

}  // namespace hal

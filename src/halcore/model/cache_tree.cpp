#include "halcore/model/cache_tree.h"

#include <algorithm>

#include "halcore/model/error.h"

namespace hal {

std::int64_t CachePath::micros(std::int64_t bytes) const {
    return hops == 0 ? 0 : latency + stream_micros(bytes, bandwidth);
}

std::int64_t CachePath::cost(std::int64_t bytes) const {
    // bytes·egress can pass 2^63; split at the GiB so that it never does.
    constexpr std::int64_t gib = std::int64_t{1} << 30;
    return bytes / gib * egress + (bytes % gib * egress + gib - 1) / gib;
}

CacheTree::CacheTree(const CacheColumns& columns)
    : capacity_(columns.capacity.begin(), columns.capacity.end()),
      names_(columns.names.begin(), columns.names.end()) {
    check_figures(columns);
    number(columns);
    largest_ = *std::max_element(capacity_.begin(), capacity_.end());
}

std::string CacheTree::label(CacheIndex cache) const {
    return names_.empty() ? "cache " + std::to_string(cache) : "cache '" + names_[cache] + "'";
}

void CacheTree::check_figures(const CacheColumns& columns) const {
    const std::size_t n = columns.parent.size();
    if (n == 0) throw InvalidModel("caches: a cache tree needs at least one cache");
    if (n > 1u << 24) throw InvalidModel("caches: at most 16777216 caches, got " + std::to_string(n));
    if (columns.capacity.size() != n || columns.bandwidth.size() != n || columns.latency.size() != n ||
        columns.egress.size() != n || (!names_.empty() && names_.size() != n))
        throw InvalidModel("caches: every column needs one entry a cache (" + std::to_string(n) + ")");
    const auto within = [&](std::size_t i, const char* field, std::int64_t value, std::int64_t low,
                            std::int64_t high) {
        if (value < low || value > high)
            throw InvalidModel(label(static_cast<CacheIndex>(i)) + ": " + field + " is " +
                               std::to_string(value) + ", must be within " + std::to_string(low) + " and " +
                               std::to_string(high));
    };
    for (std::size_t i = 0; i < n; ++i) {
        within(i, "parent", columns.parent[i], -1, static_cast<std::int64_t>(n) - 1);
        within(i, "capacity in bytes", columns.capacity[i], 0, kMaxBytes);
        if (columns.parent[i] < 0) continue;
        within(i, "bandwidth in bytes/s", columns.bandwidth[i], kMinBandwidth, kMaxBandwidth);
        within(i, "latency in microseconds", columns.latency[i], 0, kMaxLatency);
        within(i, "egress in micro-units per GiB", columns.egress[i], 0, kMaxEgress);
    }
}

void CacheTree::number(const CacheColumns& columns) {
    const auto n = static_cast<CacheIndex>(columns.parent.size());
    // Children in index order, as linked lists: first child and next sibling.
    std::vector<CacheIndex> child(n, -1), sibling(n, -1);
    CacheIndex root = -1;
    for (CacheIndex i = n - 1; i >= 0; --i) {
        const CacheIndex parent = columns.parent[i];
        if (parent < 0) {
            if (root >= 0)
                throw InvalidModel(label(root) + ": a second root beside " + label(i) +
                                   "; give one of them a parent");
            root = i;
        } else {
            sibling[i] = child[parent];
            child[parent] = i;
        }
    }
    if (root < 0) throw InvalidModel(label(0) + ": its parents form a cycle; one cache must have no parent");

    entries_.reserve(n);
    position_.assign(n, -1);
    CacheIndex cache = root;
    while (cache >= 0) {
        const CacheIndex up = columns.parent[cache];
        const std::int32_t parent = up < 0 ? -1 : position_[up];
        const std::int32_t depth = parent < 0 ? 0 : entries_[parent].depth + 1;
        if (depth > kMaxCacheDepth)
            throw InvalidModel(label(cache) + ": deeper than " + std::to_string(kMaxCacheDepth) + " levels");
        position_[cache] = size();
        entries_.push_back({columns.bandwidth[cache], columns.latency[cache], columns.egress[cache], parent,
                            0, depth, cache});
        CacheIndex next = child[cache];
        while (next < 0 && cache >= 0) {  // leaving subtrees: their ranges are now complete
            entries_[position_[cache]].end = size();
            next = sibling[cache];
            if (next < 0) cache = columns.parent[cache];
        }
        cache = next;
    }
    if (size() < n) {
        const auto lost = std::find(position_.begin(), position_.end(), -1) - position_.begin();
        throw InvalidModel(label(static_cast<CacheIndex>(lost)) +
                           ": its parents form a cycle that never reaches the root " + label(root));
    }
}

CacheIndex CacheTree::parent(CacheIndex cache) const {
    const std::int32_t up = entries_[position_[cache]].parent;
    return up < 0 ? -1 : entries_[up].cache;
}

namespace {
void cross(CachePath& path, const CacheTree::Entry& link) {
    path.latency += link.latency;
    path.bandwidth = std::min(path.bandwidth, link.bandwidth);
    path.egress += link.egress;
    ++path.hops;
}
}  // namespace

CachePath CacheTree::path(CacheIndex from, CacheIndex to) const {
    CachePath path;
    std::int32_t a = position_[from], b = position_[to];
    while (a != b) {  // the deeper end climbs, so both meet at the lowest common ancestor
        std::int32_t& deeper = entries_[a].depth >= entries_[b].depth ? a : b;
        cross(path, entries_[deeper]);
        deeper = entries_[deeper].parent;
    }
    return path;
}

std::vector<CacheIndex> CacheTree::route(CacheIndex from, CacheIndex to) const {
    std::vector<CacheIndex> up{from}, down;
    std::int32_t a = position_[from], b = position_[to];
    while (a != b) {
        if (entries_[a].depth >= entries_[b].depth) {
            a = entries_[a].parent;
            up.push_back(entries_[a].cache);
        } else {
            down.push_back(entries_[b].cache);
            b = entries_[b].parent;
        }
    }
    up.insert(up.end(), down.rbegin(), down.rend());
    return up;
}

}  // namespace hal

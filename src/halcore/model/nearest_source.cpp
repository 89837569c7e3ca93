#include "halcore/model/nearest_source.h"

#include <algorithm>
#include <limits>
#include <span>

namespace hal {

namespace {

/// Links of a kind share a bandwidth, so the last quotient usually serves again and a division is saved.
class StreamTime {
  public:
    explicit StreamTime(std::int64_t bytes) : bytes_(bytes) {}
    std::int64_t operator()(std::int64_t bandwidth) {
        if (bandwidth != bandwidth_) {
            bandwidth_ = bandwidth;
            micros_ = stream_micros(bytes_, bandwidth);
        }
        return micros_;
    }

  private:
    std::int64_t bytes_, bandwidth_ = 0, micros_ = 0;
};

class Climb {
  public:
    Climb(const ContentMap& content, DatasetId dataset, CacheIndex target)
        : tree_(content.tree()),
          bytes_(content.bytes(dataset)),
          holders_(content.holders(dataset)),
          target_(target),
          time_(bytes_) {}

    Transfer run() {
        if (holders_.empty()) return {};
        std::int32_t at = tree_.position(target_);
        lo_ = hi_ = static_cast<std::uint32_t>(
            std::lower_bound(holders_.begin(), holders_.end(), at,
                             [](const Holder& h, std::int32_t p) { return h.position < p; }) -
            holders_.begin());
        for (CachePath down;;) {
            widen(at, down);
            const CacheTree::Entry& entry = tree_.at(at);
            if (entry.parent < 0) break;
            down.latency += entry.latency;
            down.bandwidth = std::min(down.bandwidth, entry.bandwidth);
            ++down.hops;
            if (best_ >= 0 && down.latency + time_(down.bandwidth) > micros_) break;
            at = entry.parent;
        }
        if (best_ == target_) return {best_, 0, 0, 0};
        const CachePath path = tree_.path(best_, target_);
        return {best_, micros_, bytes_, path.cost(bytes_)};
    }

  private:
    /// Looks at the holders that the subtree under `top` adds.
    void widen(std::int32_t top, const CachePath& down) {
        const std::int32_t end = tree_.at(top).end;
        while (hi_ < holders_.size() && holders_[hi_].position < end)
            look(holders_[hi_++].position, top, down);
        while (lo_ > 0 && holders_[lo_ - 1].position >= top) look(holders_[--lo_].position, top, down);
    }

    void look(std::int32_t holder, std::int32_t top, const CachePath& down) {
        std::int64_t latency = down.latency, bandwidth = down.bandwidth;
        for (std::int32_t at = holder; at != top; at = tree_.at(at).parent) {
            latency += tree_.at(at).latency;
            bandwidth = std::min(bandwidth, tree_.at(at).bandwidth);
        }
        const bool here = holder == top && down.hops == 0;
        const std::int64_t micros = here ? 0 : latency + time_(bandwidth);
        const CacheIndex cache = tree_.at(holder).cache;
        if (micros < micros_ || (micros == micros_ && cache < best_)) {
            micros_ = micros;
            best_ = cache;
        }
    }

    const CacheTree& tree_;
    std::int64_t bytes_;
    std::span<const Holder> holders_;
    CacheIndex target_;
    StreamTime time_;
    std::uint32_t lo_ = 0, hi_ = 0;
    CacheIndex best_ = -1;
    std::int64_t micros_ = std::numeric_limits<std::int64_t>::max();
};

}  // namespace

Transfer nearest_source(const ContentMap& content, DatasetId dataset, CacheIndex target) {
    return Climb(content, dataset, target).run();
}

}  // namespace hal

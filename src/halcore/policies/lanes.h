#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "halcore/model/node_class.h"

namespace hal {

/// The free shares of a node's devices, for taking from the tightest again and again.
class Lanes {
  public:
    explicit Lanes(std::span<const std::int32_t> free) : count_(free.size()) {
        std::copy(free.begin(), free.end(), free_);
    }
    /// The largest free share.
    std::int32_t most() const { return *std::max_element(free_, free_ + count_); }
    /// Takes this much of the device that it leaves least of; what that had before. Precondition: one has it.
    std::int32_t take(std::int32_t milli) {
        const auto wrapped = [&](std::int32_t g) { return static_cast<std::uint32_t>(g - milli); };
        std::int32_t& best = *std::min_element(
            free_, free_ + count_, [&](std::int32_t a, std::int32_t b) { return wrapped(a) < wrapped(b); });
        best -= milli;
        return best + milli;
    }

  private:
    std::int32_t free_[kMaxGpusPerNode];
    std::size_t count_;
};

/// The same of at most eight devices, in one register. A lane holds the share and, below it, the lane's own
/// number, so the least of all says which it is; the top bit is turned so that shares below 0 wrap to the
/// most.
class EightLanes {
  public:
    explicit EightLanes(std::span<const std::int32_t> free) {
        for (int k = 0; k < 8; ++k) {
            const int share = k < static_cast<int>(free.size()) ? free[k] : 0;
            lanes_[k] = static_cast<std::int16_t>((share * 8 + k) ^ 0x8000);
        }
    }
    std::int32_t most() const { return share(~least(~lanes_)); }
    std::int32_t take(std::int32_t milli) {
        const auto after = (Signed)((Unsigned)lanes_ - static_cast<std::uint16_t>(milli * 8));
        const Signed best = least(after);
        lanes_ = after == best ? best : lanes_;
        return share(best) + milli;
    }

  private:
    using Signed = std::int16_t __attribute__((vector_size(16)));
    using Unsigned = std::uint16_t __attribute__((vector_size(16)));
    static Signed lower(Signed a, Signed b) { return a < b ? a : b; }
    // In every lane.
    static Signed least(Signed v) {
        v = lower(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3));
        v = lower(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5));
        return lower(v, __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6));
    }
    static std::int32_t share(Signed v) { return (static_cast<std::uint16_t>(v[0]) ^ 0x8000) / 8; }

    Signed lanes_;
};

}  // namespace hal

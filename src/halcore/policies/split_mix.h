#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "halcore/policies/typical.h"

namespace hal {

/// SplitMix64: a stream of 64-bit numbers that is the same everywhere. Source: Steele, Lea and Flood, OOPSLA
/// 2014.
class SplitMix64 {
  public:
    explicit SplitMix64(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15ULL;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
        return z ^ z >> 31;
    }

  private:
    std::uint64_t state_;
};

/// Draws typical tasks by popularity, in integers.
class TaskLottery {
  public:
    explicit TaskLottery(const std::vector<TypicalTask>& tasks) {
        std::uint64_t sum = 0;
        for (const TypicalTask& t : tasks) {
            sum += static_cast<std::uint64_t>(t.p * 1048576) + 1;
            until_.push_back(sum);
        }
    }
    std::uint32_t draw(SplitMix64& random) const {
        const std::uint64_t ticket = (random.next() >> 32) * until_.back() >> 32;
        return static_cast<std::uint32_t>(std::upper_bound(until_.begin(), until_.end(), ticket) -
                                          until_.begin());
    }

  private:
    std::vector<std::uint64_t> until_;
};

}  // namespace hal

#pragma once

#include <compare>
#include <cstdint>

namespace hal {

/// An integer amount of one unit. Different units do not mix, so a MiB is never taken for a milli-CPU.
template <class Unit>
class Quantity {
  public:
    constexpr Quantity() = default;
    explicit constexpr Quantity(std::int64_t value) : value_(value) {}

    constexpr std::int64_t value() const { return value_; }
    friend constexpr auto operator<=>(Quantity, Quantity) = default;
    friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.value_ + b.value_); }
    friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.value_ - b.value_); }

  private:
    std::int64_t value_ = 0;
};

using MilliCpu = Quantity<struct MilliCpuUnit>;
using MiB = Quantity<struct MiBUnit>;
using MilliGpu = Quantity<struct MilliGpuUnit>;

inline constexpr MilliGpu kWholeGpu{1000};
inline constexpr int kMaxGpusPerNode = 64;  // a set of devices of one node is one 64-bit mask
/// Quantities above this are refused: sums over a million nodes stay inside int64.
inline constexpr std::int64_t kMaxQuantity = std::int64_t{1} << 42;

}  // namespace hal

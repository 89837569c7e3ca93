#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace hal {

/// When each link of a cache tree is busy: one transfer at a time. Links are known by the position below
/// them.
class LinkCalendar {
  public:
    explicit LinkCalendar(std::size_t links) : busy_(links) {}

    /// The earliest time from `ready` at which all links are free for `length`, or one past `latest`.
    std::int64_t earliest(std::span<const std::int32_t> links, std::int64_t ready, std::int64_t length,
                          std::int64_t latest) const;
    void book(std::span<const std::int32_t> links, std::int64_t begin, std::int64_t end);

  private:
    using Interval = std::pair<std::int64_t, std::int64_t>;
    static std::int64_t gap(const std::vector<Interval>& busy, std::int64_t from, std::int64_t length);

    std::vector<std::vector<Interval>> busy_;  // sorted, disjoint
};

}  // namespace hal

#include "halcore/reserve/link_calendar.h"

#include <algorithm>

namespace hal {

std::int64_t LinkCalendar::gap(const std::vector<Interval>& busy, std::int64_t from, std::int64_t length) {
    auto next = std::upper_bound(busy.begin(), busy.end(), from,
                                 [](std::int64_t t, const Interval& i) { return t < i.second; });
    for (; next != busy.end() && next->first - from < length; ++next) from = std::max(from, next->second);
    return from;
}

std::int64_t LinkCalendar::earliest(std::span<const std::int32_t> links, std::int64_t ready,
                                    std::int64_t length, std::int64_t latest) const {
    // Each link can only push the time on; it stands once a whole round leaves it where it is.
    for (std::int64_t at = ready; at <= latest;) {
        const std::int64_t before = at;
        for (const std::int32_t link : links) at = gap(busy_[link], at, length);
        if (at == before) return at;
    }
    return latest + 1;
}

void LinkCalendar::book(std::span<const std::int32_t> links, std::int64_t begin, std::int64_t end) {
    if (begin == end) return;
    for (const std::int32_t link : links) {
        std::vector<Interval>& busy = busy_[link];
        busy.insert(std::lower_bound(busy.begin(), busy.end(), Interval{begin, end}), {begin, end});
    }
}

}  // namespace hal

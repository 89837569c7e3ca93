#include "halcore/model/links.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>

namespace hal {
namespace {

struct Groups {
    std::array<std::uint64_t, 64> mask;  // free devices of a domain, domains ordered by their first device
    int n = 0;
    int size(int g) const { return std::popcount(mask[g]); }
};

Groups group(std::uint64_t free, std::span<const std::int32_t> domain) {
    Groups groups;
    std::array<std::int32_t, 64> id;
    for (std::uint64_t rest = free; rest; rest &= rest - 1) {
        const int device = std::countr_zero(rest);
        int g = 0;
        while (g < groups.n && id[g] != domain[device]) ++g;
        if (g == groups.n) {
            id[g] = domain[device];
            groups.mask[g] = 0;
            ++groups.n;
        }
        groups.mask[g] |= std::uint64_t{1} << device;
    }
    return groups;
}

std::uint64_t lowest(std::uint64_t mask, int count) {
    std::uint64_t chosen = 0;
    for (; count > 0; --count, mask &= mask - 1) chosen |= mask & -mask;
    return chosen;
}

int fewest_domains(const Groups& groups, int count) {
    std::array<int, 64> size;
    for (int g = 0; g < groups.n; ++g) size[g] = groups.size(g);
    std::sort(size.begin(), size.begin() + groups.n, std::greater<>());
    int used = 0;
    for (int sum = 0; sum < count; ++used) sum += size[used];
    return used;
}

// Which sums 0…63 can be made from exactly m of the groups g…: bit s of reach[g][m]. A sum of 64 needs every
// device, which the caller answers before.
using Reach = std::array<std::array<std::uint64_t, 65>, 65>;

void fill_reach(Reach& reach, const Groups& groups, int used) {
    for (int m = 0; m <= used; ++m) reach[groups.n][m] = m == 0 ? 1 : 0;
    for (int g = groups.n; g-- > 0;) {
        const int size = groups.size(g);
        reach[g][0] = 1;
        for (int m = 1; m <= used; ++m)
            reach[g][m] = reach[g + 1][m] | (size < 64 ? reach[g + 1][m - 1] << size : 0);
    }
}

}  // namespace

std::uint64_t choose_devices(std::uint64_t free, std::span<const std::int32_t> domain, int count) {
    if (domain.size() < 64) free &= (std::uint64_t{1} << domain.size()) - 1;
    const int available = std::popcount(free);
    if (count < 1 || count > available) return 0;
    if (count == available) return free;

    const Groups groups = group(free, domain);
    int best = -1;
    for (int g = 0; g < groups.n; ++g)
        if (groups.size(g) >= count && (best < 0 || groups.size(g) < groups.size(best))) best = g;
    if (best >= 0) return lowest(groups.mask[best], count);

    // Several domains: a subset sum over at most 64 devices. The smallest sum >= count from the fewest
    // domains, then each domain in the order of its first device when the rest can still make up the sum.
    const int used = fewest_domains(groups, count);
    Reach reach;
    fill_reach(reach, groups, used);
    const std::uint64_t enough = reach[0][used] >> count;
    std::uint64_t pool = 0;
    if (enough == 0) return lowest(free, count);  // only the sum of all 64 is enough: every domain is needed
    int sum = count + std::countr_zero(enough);
    for (int g = 0, left = used; left > 0; ++g) {
        const int size = groups.size(g);
        if (size > sum || !(reach[g + 1][left - 1] >> (sum - size) & 1)) continue;
        pool |= groups.mask[g];
        sum -= size;
        --left;
    }
    return lowest(pool, count);
}

}  // namespace hal

#include "halcore/engine/gang_table.h"

#include <algorithm>
#include <limits>

namespace hal {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

std::size_t index_of(const std::vector<std::int32_t>& counts, const std::vector<std::int32_t>& most) {
    std::size_t index = 0;
    for (std::size_t r = 0; r < counts.size(); ++r) index = index * (most[r] + 1) + counts[r];
    return index;
}

/// The next counts in the order of the table; false after the last.
bool next(std::vector<std::int32_t>& counts, const std::vector<std::int32_t>& most) {
    for (std::size_t r = counts.size(); r-- > 0;) {
        if (counts[r]++ < most[r]) return true;
        counts[r] = 0;
    }
    return false;
}

double states(const std::vector<std::int64_t>& most) {
    double n = 1;
    for (const auto m : most) n *= static_cast<double>(m + 1);
    return n;
}

}  // namespace

GangTables::GangTables(const GangProblem& problem, const GangCapacity& capacity)
    : problem_(problem), capacity_(capacity), roles_(problem.roles.size()) {}

std::vector<GangTables::Part> GangTables::parts(std::int32_t domain) const {
    const Topology& t = problem_.topology;
    std::vector<Part> parts;
    bool group = false;
    for (auto p = t.node_begin(domain); p < t.node_begin(domain + 1); ++p) {
        if (roles_ == 1 && capacity_.running_at(p) == 0) {
            group = group || group_size(domain, p) > 0;
            continue;
        }
        for (std::size_t r = 0; r < roles_; ++r)
            if (capacity_.node(r, p) > 0) {
                parts.push_back({Part::Kind::node, p});
                break;
            }
    }
    if (group) parts.push_back({Part::Kind::group, domain});
    for (auto c = domain + 1; c < t.subtree_end(domain); c = t.subtree_end(c))
        for (std::size_t r = 0; r < roles_; ++r)
            if (capacity_.lifted(r, c) > 0) {
                parts.push_back({Part::Kind::child, c});
                break;
            }
    return parts;
}

std::int32_t GangTables::group_size(std::int32_t domain, std::int32_t position) const {
    const auto n = static_cast<std::int32_t>(capacity_.node(0, position));
    return capacity_.node_ends_slice(0, domain) ? n - n % problem_.roles[0].slice : n;
}

/// Positions with room, most first: filling them in this order leads in every partial sum, hence in any sum
/// of convex terms such as pairs().
std::vector<std::int32_t> GangTables::group_nodes(std::int32_t domain) const {
    const Topology& t = problem_.topology;
    std::vector<std::int32_t> nodes;
    for (auto p = t.node_begin(domain); p < t.node_begin(domain + 1); ++p)
        if (capacity_.running_at(p) == 0 && group_size(domain, p) > 0) nodes.push_back(p);
    std::stable_sort(nodes.begin(), nodes.end(), [&](std::int32_t a, std::int32_t b) {
        return group_size(domain, a) > group_size(domain, b);
    });
    return nodes;
}

std::int64_t GangTables::part_most(const Part& part, std::int32_t domain, std::size_t role) const {
    const auto wanted = static_cast<std::int64_t>(problem_.roles[role].tasks);
    if (part.kind == Part::Kind::child) return std::min(wanted, capacity_.lifted(role, part.id));
    if (part.kind == Part::Kind::node) return std::min(wanted, capacity_.node(role, part.id));
    const Topology& t = problem_.topology;
    std::int64_t sum = 0;
    for (auto p = t.node_begin(domain); p < t.node_begin(domain + 1) && sum < wanted; ++p)
        if (capacity_.running_at(p) == 0) sum += group_size(domain, p);
    return std::min(wanted, sum);
}

double GangTables::cost(std::int32_t domain) {
    if (const auto known = cost_.find(domain); known != cost_.end()) return known->second;
    double total = 0;
    std::vector<std::int64_t> most(roles_, 0);
    for (const Part& part : parts(domain)) {
        std::vector<std::int64_t> own(roles_);
        for (std::size_t r = 0; r < roles_; ++r) own[r] = part_most(part, domain, r);
        total += states(most) * states(own);
        if (part.kind == Part::Kind::child) total += cost(part.id);
        // Asking whether counts fit a node together is much dearer than an addition.
        if (part.kind == Part::Kind::node && roles_ > 1) total += 32 * states(own);
        for (std::size_t r = 0; r < roles_; ++r)
            most[r] = std::min<std::int64_t>(most[r] + own[r], problem_.roles[r].tasks);
    }
    return cost_[domain] = total;
}

GangTables::Table GangTables::empty(Counts most) const {
    std::size_t n = 1;
    for (const auto m : most) n *= static_cast<std::size_t>(m) + 1;
    return {std::move(most), std::vector<double>(n, kNever)};
}

template <class EndsSlice>
void GangTables::settle(Table& table, double weight, std::int64_t running, EndsSlice&& ends_slice) const {
    Counts counts(roles_, 0);
    std::size_t index = 0;
    do {
        std::int64_t n = 0;
        bool broken = false;
        for (std::size_t r = 0; r < roles_; ++r) {
            n += counts[r];
            broken = broken || (ends_slice(r) && counts[r] % problem_.roles[r].slice != 0);
        }
        auto& value = table.value[index++];
        value = broken ? kNever : value + weight * static_cast<double>(pairs(n) + n * running);
    } while (next(counts, table.most));
}

GangTables::Table GangTables::group_table(std::int32_t domain) const {
    const Part part{Part::Kind::group, domain};
    Table table = empty({static_cast<std::int32_t>(part_most(part, domain, 0))});
    const auto weight =
        static_cast<double>(problem_.topology.level_distance(problem_.topology.level(domain)));
    const std::int32_t unit = capacity_.node_ends_slice(0, domain) ? problem_.roles[0].slice : 1;
    std::int32_t n = 0;
    double saved = 0;
    table.value[0] = 0;
    for (const auto p : group_nodes(domain))
        for (std::int32_t own = 0; own < group_size(domain, p) && n < table.most[0]; ++own) {
            saved += weight * own;
            if (++n % unit == 0) table.value[n] = saved;
        }
    return table;
}

GangTables::Table GangTables::node_table(std::int32_t domain, std::int32_t position) const {
    Counts most(roles_), counts(roles_, 0);
    for (std::size_t r = 0; r < roles_; ++r)
        most[r] = static_cast<std::int32_t>(part_most({Part::Kind::node, position}, domain, r));
    Table table = empty(most);
    std::size_t index = 0;
    do {
        if (roles_ == 1 || problem_.together(position, counts)) table.value[index] = 0;
        ++index;
    } while (next(counts, table.most));
    settle(table, static_cast<double>(problem_.topology.level_distance(problem_.topology.level(domain))),
           capacity_.running_at(position),
           [&](std::size_t r) { return capacity_.node_ends_slice(r, domain); });
    return table;
}

GangTables::Table GangTables::part_table(const Part& part, std::int32_t domain) {
    if (part.kind == Part::Kind::child) return lifted(part.id);
    return part.kind == Part::Kind::group ? group_table(domain) : node_table(domain, part.id);
}

const GangTables::Table& GangTables::lifted(std::int32_t domain) {
    if (const auto known = lifted_.find(domain); known != lifted_.end()) return known->second;
    const Topology& t = problem_.topology;
    Table table = inside(domain);
    const auto weight = t.level_distance(t.level(t.parent(domain))) - t.level_distance(t.level(domain));
    settle(table, static_cast<double>(weight), capacity_.running_under(domain),
           [&](std::size_t r) { return capacity_.ends_slice(r, domain); });
    return lifted_.emplace(domain, std::move(table)).first->second;
}

GangTables::Table GangTables::merge(const Table& a, const Table& b) const {
    if (a.most.back() > b.most.back()) return merge(b, a);  // the longer row in the inner loop
    Counts most(roles_);
    for (std::size_t r = 0; r < roles_; ++r)
        most[r] = std::min(a.most[r] + b.most[r], problem_.roles[r].tasks);
    Table out = empty(std::move(most));
    const std::size_t last = roles_ - 1;
    Counts ca(roles_, 0), cb(roles_, 0), sum(roles_), lead(b.most);
    lead[last] = 0;
    std::size_t ia = 0;
    do {
        const double value = a.value[ia++];
        if (value == kNever) continue;
        const std::int32_t length = std::min(b.most[last], out.most[last] - ca[last]) + 1;
        const double* row = b.value.data();
        do {
            bool within = true;
            for (std::size_t r = 0; r < roles_; ++r)
                within = (sum[r] = ca[r] + cb[r]) <= out.most[r] && within;
            if (within) {
                double* into = out.value.data() + index_of(sum, out.most);
                for (std::int32_t j = 0; j < length; ++j) {
                    const double v = value + row[j];
                    into[j] = v > into[j] ? v : into[j];
                }
            }
            row += b.most[last] + 1;
        } while (next(cb, lead));
    } while (next(ca, a.most));
    return out;
}

GangTables::Table GangTables::inside(std::int32_t domain) {
    Table table = empty(Counts(roles_, 0));
    table.value[0] = 0;
    for (const Part& part : parts(domain))
        table = part.kind == Part::Kind::child ? merge(table, lifted(part.id))
                                               : merge(table, part_table(part, domain));
    return table;
}

double GangTables::best(std::int32_t domain) {
    const Table table = inside(domain);
    for (std::size_t r = 0; r < roles_; ++r)
        if (table.most[r] < problem_.roles[r].tasks) return kNever;
    return table.value.back();
}

void GangTables::trace(std::int32_t domain, std::vector<GangShare>& shares) {
    Counts all(roles_);
    for (std::size_t r = 0; r < roles_; ++r) all[r] = problem_.roles[r].tasks;
    trace(domain, std::move(all), shares);
}

void GangTables::trace(std::int32_t domain, Counts counts, std::vector<GangShare>& shares) {
    const auto all = parts(domain);
    std::vector<Table> before{empty(Counts(roles_, 0))};
    before[0].value[0] = 0;
    for (const Part& part : all) before.push_back(merge(before.back(), part_table(part, domain)));
    for (std::size_t k = all.size(); k-- > 0;) {
        const Table own = part_table(all[k], domain);
        const double target = before[k + 1].value[index_of(counts, before[k + 1].most)];
        Counts mine(roles_, 0), rest(roles_);
        std::size_t index = 0;
        do {  // the sums are the ones merge() made, so one of them is equal to the bit
            bool within = true;
            for (std::size_t r = 0; r < roles_; ++r) {
                rest[r] = counts[r] - mine[r];
                within = within && rest[r] >= 0 && rest[r] <= before[k].most[r];
            }
            if (within && before[k].value[index_of(rest, before[k].most)] + own.value[index] == target) break;
            ++index;
        } while (next(mine, own.most));
        counts = rest;
        if (std::all_of(mine.begin(), mine.end(), [](auto n) { return n == 0; })) continue;
        if (all[k].kind == Part::Kind::child)
            trace(all[k].id, mine, shares);
        else if (all[k].kind == Part::Kind::node)
            shares.push_back({all[k].id, mine});
        else
            trace_group(domain, mine[0], shares);
    }
}

void GangTables::trace_group(std::int32_t domain, std::int32_t tasks, std::vector<GangShare>& shares) const {
    const auto nodes = group_nodes(domain);
    for (std::size_t k = 0; k < nodes.size() && tasks > 0; ++k) {
        const auto room = group_size(domain, nodes[k]);
        if (room <= tasks) {
            shares.push_back({nodes[k], {room}});
            tasks -= room;
            continue;
        }
        // The rest goes where it fits best: the last of the ordered nodes that holds it.
        auto last = std::find_if(nodes.rbegin(), nodes.rend(),
                                 [&](std::int32_t p) { return group_size(domain, p) >= tasks; });
        const auto size = group_size(domain, *last);
        const auto first = std::find_if(nodes.begin() + static_cast<std::ptrdiff_t>(k), nodes.end(),
                                        [&](std::int32_t p) { return group_size(domain, p) == size; });
        shares.push_back({*first, {tasks}});
        tasks = 0;
    }
}

}  // namespace hal

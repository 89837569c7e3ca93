#include "halcore/engine/missing.h"

#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include "halcore/engine/room_filler.h"
#include "halcore/engine/transaction.h"

namespace hal {
namespace {

using Nodes = std::vector<NodeId>;

class Finder {
  public:
    Finder(Engine& engine, const JobRequest& job, const std::shared_ptr<const Policy>& policy)
        : cluster_(engine.cluster()),
          matcher_(engine.matcher()),
          job_(job),
          filler_(engine, job, engine.bound(policy)) {
        engine.sync_rules();
    }

    Missing run() {
        if (filler_.tree()) return look_in_domains();
        Transaction trial(cluster_);
        filler_.fill_anywhere();
        Nodes all(cluster_.node_slots());
        std::iota(all.begin(), all.end(), NodeId{0});
        Missing found = look(std::vector(filler_.roles().size(), all));
        found.most = matcher_.capacity(filler_.roles()[found.role].shape);
        return found;
    }

  private:
    // Of the domains that the gang may share (without a required level: the whole tree), those that hold the
    // most of its tasks; of these the one where the next task lacks least.
    Missing look_in_domains() {
        const Topology& t = filler_.tree()->topology();
        std::vector<std::tuple<std::int32_t, std::size_t, std::int64_t>> filled;  // domain, role first, tasks
        std::int64_t most = -1;
        for (const std::int32_t d : domains()) {
            auto& [domain, order, tasks] = filled.emplace_back(d, 0, -1);
            for (std::size_t first = 0; first < filler_.roles().size(); ++first) {
                Transaction trial(cluster_);
                filler_.fill(d, first);
                if (filler_.total() > tasks) order = first, tasks = filler_.total();
            }
            most = std::max(most, tasks);
        }
        Missing best;
        for (const auto& [d, first, tasks] : filled) {
            if (tasks < most) continue;
            Transaction trial(cluster_);
            filler_.fill(d, first);
            Missing found = look_in(d);
            if (found.node != kNoNode && !job_.gang->required.empty()) found.domain = t.domains()[d];
            if (best.tasks.empty() || found.lack.rank() < best.lack.rank()) best = std::move(found);
        }
        return best;
    }
    std::vector<std::int32_t> domains() const {
        const Topology& t = filler_.tree()->topology();
        const std::string& required = job_.gang->required;
        if (required.empty()) return {0};
        const std::int32_t level = t.find_level(required);
        std::vector<std::int32_t> found;
        for (std::int32_t d = 0; d < t.n_domains(); ++d)
            if (t.level(d) >= level && (d == 0 || t.level(t.parent(d)) < level)) found.push_back(d);
        return found;
    }
    Missing look_in(std::int32_t domain) {
        std::vector<Nodes> where;
        for (std::size_t r = 0; r < filler_.roles().size(); ++r) where.push_back(open_to(domain, r));
        Missing found = look(where);
        for (const NodeId n : filler_.nodes_of(filler_.block(domain))) {
            if (cluster_.present(n))
                found.most += matcher_.capacity_of(filler_.roles()[found.role].shape, cluster_.kind(n));
        }
        return found;
    }
    // Where the next tasks of a role may come. Of a role with slices: where the slice that has come furthest
    // is, whose tasks so far are taken; between such, where the next one lacks least.
    Nodes open_to(std::int32_t domain, std::size_t r) {
        const RoomFiller::Role& role = filler_.roles()[r];
        const RoomFiller::Block all = filler_.block(domain);
        if (role.slice == 1 || filler_.found()[r] >= role.least) return filler_.nodes_of(all);
        const std::size_t before = filler_.own().size();
        std::pair least{std::int64_t{1}, Lack::most().rank()};
        RoomFiller::Block best = all;
        for (const RoomFiller::Block& part : filler_.blocks(all, role.slice_level)) {
            Transaction trial(cluster_);
            const std::int64_t held = filler_.fill_block(part, role.shape, role.slice);
            const std::pair now{-held, least_on(filler_.nodes_of(part), role.shape).second.rank()};
            filler_.own().resize(before);
            if (now < least) least = now, best = part;
        }
        filler_.count(r, filler_.fill_block(best, role.shape, role.slice));
        return filler_.nodes_of(best);
    }

    // A job that does not fit as a whole may still have room for each task: nodes that lack nothing do not
    // count.
    std::pair<NodeId, Lack> least_on(const Nodes& nodes, ShapeId shape) {
        std::pair<NodeId, Lack> least{kNoNode, Lack::most()};
        const LackBook book(cluster_, matcher_.capacity(shape) == 0);
        for (const NodeId n : nodes) {
            if (!cluster_.present(n) || !filler_.kept_away(shape, n).empty()) continue;
            Lack lack = book.lack(cluster_.shape(shape), n);
            if (!lack.amounts.empty() && lack.rank() < least.second.rank()) least = {n, std::move(lack)};
        }
        return least;
    }
    // What the next task lacks, and then all of them, by role among these nodes.
    Missing look(const std::vector<Nodes>& where) {
        Missing found;
        found.tasks = filler_.found();
        found.role = filler_.short_role();
        const ShapeId shape = filler_.roles()[found.role].shape;
        found.of_capacity = matcher_.capacity(shape) == 0;
        std::tie(found.node, found.lack) = least_on(where[found.role], shape);
        const LackBook book(cluster_, found.of_capacity);
        std::map<std::string, NodeId> filters;
        for (const NodeId n : where[found.role]) {
            if (!cluster_.present(n) || !book.lack(cluster_.shape(shape), n).amounts.empty()) continue;
            if (const std::string filter = filler_.kept_away(shape, n); !filter.empty()) ++filters[filter];
        }
        for (const auto& [filter, nodes] : filters)
            if (nodes > found.filtered) found.filter = filter, found.filtered = nodes;
        const std::size_t own = filler_.own().size();
        found.of_all = lacking_together(where);
        filler_.own().resize(own);
        return found;
    }
    // As things are, each task where the least is lacking after those before it.
    std::vector<std::pair<NodeId, Amounts>> lacking_together(const std::vector<Nodes>& where) {
        std::map<NodeId, std::map<std::string, std::int64_t>> sums;
        LackBook book(cluster_, false);
        for (std::size_t r = 0; r < where.size(); ++r) {
            const RoomFiller::Role& role = filler_.roles()[r];
            if (filler_.found()[r] >= role.least) continue;
            const Shape& s = cluster_.shape(role.shape);
            std::set<std::pair<std::pair<std::size_t, double>, NodeId>> open;
            for (const NodeId n : where[r])
                if (cluster_.present(n)) open.emplace(book.lack(s, n).rank(), n);
            for (std::int64_t task = filler_.found()[r]; task < role.least; ++task) {
                while (!open.empty() && !filler_.kept_away(role.shape, open.begin()->second).empty())
                    open.erase(open.begin());
                if (open.empty()) return {};
                const NodeId n = open.begin()->second;
                open.erase(open.begin());
                for (const auto& [name, amount] : book.lack(s, n).amounts) sums[n][name] += amount;
                book.grant(s, n);
                filler_.own().push_back({n, role.shape, 0, job_.traits});
                open.emplace(book.lack(s, n).rank(), n);
            }
        }
        std::vector<std::pair<NodeId, Amounts>> all;
        for (const auto& [n, amounts] : sums) all.emplace_back(n, Amounts(amounts.begin(), amounts.end()));
        return all;
    }

    Cluster& cluster_;
    Matcher& matcher_;
    const JobRequest& job_;
    RoomFiller filler_;
};

}  // namespace

Missing find_missing(Engine& engine, const JobRequest& job, const std::shared_ptr<const Policy>& policy) {
    return Finder(engine, job, policy).run();
}

}  // namespace hal

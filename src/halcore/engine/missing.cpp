#include "halcore/engine/missing.h"

#include <algorithm>
#include <bit>
#include <map>
#include <tuple>

#include "halcore/engine/transaction.h"
#include "halcore/policies/devices.h"

namespace hal {
namespace {

using Amounts = std::vector<std::pair<std::string, std::int64_t>>;

struct Lack {
    Amounts amounts;
    double relative = 0;
    void add(const std::string& resource, std::int64_t lacking, std::int64_t asked) {
        if (lacking <= 0) return;
        amounts.emplace_back(resource, lacking);
        relative += static_cast<double>(lacking) / static_cast<double>(asked);
    }
};

// The fewest occupied memory slices that would have to be free for an instance; 0 when one fits, or the node
// offers none.
int slices_lacking(const Cluster& cluster, const Shape& s, NodeId n) {
    if (s.profile == kNoProfile) return 0;
    const auto& devices = cluster.node_class(n).devices;
    int fewest = kSlices + 1;
    for (std::uint64_t m = eligible_devices(cluster, s, n); m; m &= m - 1) {
        const int g = std::countr_zero(m);
        const ProfileLayout& layout = layout_on(s, devices[g]);
        for (int start = 0; start < kSlices; ++start) {
            if (!layout.may_start(start)) continue;
            const Slices busy = cluster.gpu_slices(n)[g] & layout.taken_from(start);
            fewest = std::min(fewest, std::popcount(busy));
        }
    }
    return fewest > kSlices ? 0 : fewest;
}

Lack lack_on(const Cluster& cluster, const Shape& s, NodeId n, bool of_capacity) {
    Lack lack;
    const auto need = [&](ResourceId r, std::int64_t amount) {
        const std::int64_t have = of_capacity ? cluster.capacity(r, n) : cluster.free(r, n);
        lack.add(cluster.resources().name(r), amount - have, amount);
    };
    need(kCpu, s.cpu);
    need(kMemory, s.memory);
    for (const auto& [r, amount] : s.extended) need(r, amount);
    if (const int slices = of_capacity ? 0 : slices_lacking(cluster, s, n)) {
        lack.add("gpu slice", slices, kSlices);
    } else if (s.gpus) {
        const std::uint64_t eligible = eligible_devices(cluster, s, n);
        const std::uint64_t fitting = of_capacity ? eligible : fitting_devices(cluster, s, n, eligible);
        lack.add("gpu", s.gpus - std::popcount(fitting), s.gpus);
    }
    return lack;
}

class Finder {
  public:
    Finder(Engine& engine, const JobRequest& job, const std::shared_ptr<const Policy>& policy)
        : cluster_(engine.cluster()),
          engine_(engine),
          matcher_(engine.matcher()),
          bound_(engine.bound(policy)),
          policy_(*policy),
          job_(job),
          s_(cluster_.shape(job.shape)) {
        missing_.most = matcher_.capacity(job.shape);
        missing_.of_capacity = missing_.most == 0;
        engine.sync_rules();
    }

    Missing run() {
        if (!look_in_domains()) {
            Transaction trial(cluster_);
            while (missing_.tasks < job_.tasks) {
                const Choice choice = engine_.choose_task(job_.shape, job_.traits, bound_, own_);
                if (choice.node == kNoNode) break;
                take(choice.node);
                ++missing_.tasks;
            }
            for (NodeId n = 0; n < cluster_.node_slots(); ++n) look(n);
        }
        missing_.amounts = std::move(least_.amounts);
        for (const auto& [filter, nodes] : filters_) {
            if (nodes > missing_.filtered) missing_.filter = filter, missing_.filtered = nodes;
        }
        return std::move(missing_);
    }

  private:
    void take(NodeId n) {
        own_.push_back(cluster_.settle({n, job_.shape, bound_.pick(job_.shape, n), job_.traits}));
        cluster_.take(own_.back());
    }

    // For a gang that must share a domain: the domains that hold the most tasks. False for other jobs, and
    // when one holds enough.
    bool look_in_domains() {
        const NodeTree* const tree = cluster_.tree();
        if (!job_.gang || job_.gang->required.empty() || !tree) return false;
        const Topology& t = tree->topology();
        const std::int32_t level = t.find_level(job_.gang->required);
        std::vector<std::pair<std::int32_t, std::int64_t>> room;
        std::int64_t most = 0;
        for (std::int32_t d = 0; d < t.n_domains(); ++d) {
            if (t.level(d) < level || (d > 0 && t.level(t.parent(d)) >= level)) continue;
            Transaction trial(cluster_);
            room.emplace_back(d, fill(*tree, d));
            most = std::max(most, room.back().second);
        }
        if (room.empty() || most >= job_.gang->roles[0].min_tasks) return false;
        missing_.tasks = most;
        for (const auto& [d, tasks] : room) {
            if (tasks < most) continue;
            Transaction trial(cluster_);
            fill(*tree, d);
            const NodeId before = missing_.node;
            for (auto p = t.node_begin(d); p < t.node_end(d); ++p)
                if (tree->node(p) != UINT32_MAX) look(tree->node(p));
            if (missing_.node != before) missing_.domain = t.domains()[d];
        }
        return true;
    }
    std::int64_t fill(const NodeTree& tree, std::int32_t domain) {
        own_.clear();
        const Topology& t = tree.topology();
        for (auto p = t.node_begin(domain); p < t.node_end(domain); ++p) {
            const NodeId n = tree.node(p);
            if (n == UINT32_MAX) continue;
            while (static_cast<std::int32_t>(own_.size()) < job_.tasks && matcher_.fits(job_.shape, n) &&
                   bound_.rejected_by(job_.shape, n) < 0 &&
                   engine_.rule_refusal({n, job_.shape, 0, job_.traits}, own_).empty())
                take(n);
        }
        return static_cast<std::int64_t>(own_.size());
    }

    // Whether the next task lacks less here than anywhere before.
    void look(NodeId n) {
        if (!cluster_.present(n)) return;
        Lack lack = lack_on(cluster_, s_, n, missing_.of_capacity);
        const Reason reason = matcher_.check(job_.shape, n);
        const bool by_class = reason && reason.code < Reason::Code::GpuModel;
        const int by_policy = reason ? -1 : bound_.rejected_by(job_.shape, n);
        if (by_class || by_policy >= 0) {
            if (lack.amounts.empty()) {
                ++filters_[by_class ? describe(reason, cluster_, s_, n)
                                    : "filter '" + policy_.filters()[by_policy]->name() + "' of the policy"];
            }
            return;
        }
        if (const std::string rule = engine_.rule_refusal({n, job_.shape, 0, job_.traits}, own_);
            !rule.empty()) {
            if (lack.amounts.empty()) ++filters_[rule];
            return;
        }
        if (lack.amounts.empty()) return;  // a whole job may lack what one task of it does not
        const auto rank = [](const Lack& l) { return std::make_tuple(l.amounts.size(), l.relative); };
        if (missing_.node == kNoNode || rank(lack) < rank(least_))
            missing_.node = n, least_ = std::move(lack);
    }

    Cluster& cluster_;
    Engine& engine_;
    Matcher& matcher_;
    BoundPolicy& bound_;
    const Policy& policy_;
    const JobRequest& job_;
    const Shape& s_;
    Missing missing_;
    std::vector<TaskPlace> own_;  // tasks of the job that have found room
    std::map<std::string, NodeId> filters_;
    Lack least_;
};

}  // namespace

Missing find_missing(Engine& engine, const JobRequest& job, const std::shared_ptr<const Policy>& policy) {
    return Finder(engine, job, policy).run();
}

}  // namespace hal

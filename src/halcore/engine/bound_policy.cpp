#include "halcore/engine/bound_policy.h"

#include "halcore/engine/shared_order.h"
#include "halcore/model/error.h"
#include "halcore/policies/devices.h"

namespace hal {
namespace {

constexpr double kScoreSteps = 1073741824.0;  // 2^30

// Score above rank: the largest key is the best score, and among equals the lowest rank. Never 0.
std::uint64_t make_key(double total, std::uint32_t rank) {
    const auto steps = static_cast<std::uint64_t>(total * kScoreSteps + 0.5);
    return (steps + 1) << 32 | (UINT32_MAX - rank);
}
// The same of a shared total in steps, which may be one less than 0.
std::uint64_t make_key(std::int64_t steps, std::uint32_t rank) {
    return static_cast<std::uint64_t>(steps + 2) << 32 | (UINT32_MAX - rank);
}
double key_score(std::uint64_t key) {
    return static_cast<double>((key >> 32) - 1) / kScoreSteps;
}

std::vector<std::unique_ptr<BoundScorer>> bind(const Policy& policy, const Cluster& cluster) {
    std::vector<std::unique_ptr<BoundScorer>> bound;
    for (const auto& part : policy.scorers()) bound.push_back(part.scorer->bind(cluster, policy.seed()));
    return bound;
}

}  // namespace

BoundPolicy::BoundPolicy(std::shared_ptr<const Policy> policy, const Cluster& cluster, Matcher& matcher)
    : policy_(std::move(policy)),
      cluster_(cluster),
      matcher_(matcher),
      slots_(cluster, policy_->tie_seed(), policy_->scope() == Scope::Node),
      scorers_(bind(*policy_, cluster)),
      shared_(std::make_unique<SharedOrder>(*policy_, scorers_, cluster, matcher, slots_)) {}

BoundPolicy::~BoundPolicy() = default;

std::size_t BoundPolicy::bytes() const {
    return bytes_ + shared_->bytes();
}

bool BoundPolicy::stale() const {
    for (const auto& scorer : scorers_) {
        if (scorer->stale()) return true;
    }
    return false;
}

void BoundPolicy::refuse(std::size_t scorer, NodeId node, double score) const {
    throw PolicyError("scorer '" + policy_->scorers()[scorer].scorer->name() + "' gave " +
                      std::to_string(score) + " for node '" + cluster_.name(node) +
                      "'; scores are from 0 to 1");
}

void BoundPolicy::score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> totals,
                        std::span<double> parts) {
    SharedScore& score = shared_->score();
    const bool shared = score.exact(shape);
    if (shared) {
        for (std::size_t i = 0; i < nodes.size(); ++i) totals[i] = score.total(shape, score.cost(nodes[i]));
        if (parts.empty()) return;
    }
    const auto check = [&](std::size_t scorer, std::span<const double> scores) {
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            if (!(scores[i] >= 0 && scores[i] <= 1)) refuse(scorer, nodes[i], scores[i]);
        }
    };
    if (scorers_.size() == 1 && !shared) {
        scorers_[0]->score(shape, nodes, totals);
        check(0, totals);
        if (!parts.empty()) std::copy(totals.begin(), totals.end(), parts.begin());
        return;
    }
    scores_.resize(nodes.size());
    if (!shared) std::fill(totals.begin(), totals.end(), 0.0);
    for (std::size_t s = 0; s < scorers_.size(); ++s) {
        scorers_[s]->score(shape, nodes, scores_);
        check(s, scores_);
        const double weight = policy_->scorers()[s].weight;
        for (std::size_t i = 0; i < nodes.size() && !shared; ++i) totals[i] += weight * scores_[i];
        if (!parts.empty()) std::copy(scores_.begin(), scores_.end(), parts.begin() + s * nodes.size());
    }
    for (double& total : totals) total = std::min(total, 1.0);  // weights may add up to 1 + 1 ulp
}

double BoundPolicy::worth(ShapeId shape, NodeId node) {
    double total = 0;
    score(shape, {&node, 1}, {&total, 1}, {});
    return key_score(make_key(total, 0));
}

void BoundPolicy::keys(ShapeId shape, std::span<const NodeId> nodes, std::vector<std::uint64_t>& out) {
    if (out.size() < nodes.size()) out.resize(nodes.size());
    if (SharedScore& shared = shared_->score(); shared.ranks(shape)) {
        for (std::size_t i = 0; i < nodes.size(); ++i)
            out[i] = make_key(shared.base(shape) - shared.cost(nodes[i]), slots_.rank(nodes[i]));
        return;
    }
    if (totals_.size() < nodes.size()) totals_.resize(nodes.size());
    score(shape, nodes, {totals_.data(), nodes.size()}, {});
    const bool seeded = policy_->tie_seed() != 0;
    for (std::size_t i = 0; i < nodes.size(); ++i)
        out[i] = make_key(totals_[i], seeded ? slots_.rank(nodes[i]) : nodes[i]);
}

void BoundPolicy::feasible(ShapeId shape, std::vector<NodeId>& nodes) {
    nodes.clear();
    const Matcher::Probe fits(matcher_, shape);
    for (NodeId n = 0; n < cluster_.node_slots(); ++n) {
        if (fits(n)) nodes.push_back(n);
    }
    if (policy_->filters().empty() || nodes.empty()) return;
    std::vector<std::uint8_t> keep(nodes.size(), 1);
    for (const FilterPtr& filter : policy_->filters()) filter->apply(cluster_, shape, nodes, keep);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (keep[i]) nodes[kept++] = nodes[i];
    }
    nodes.resize(kept);
}

int BoundPolicy::rejected_by(ShapeId shape, NodeId node) {
    for (std::size_t i = 0; i < policy_->filters().size(); ++i) {
        std::uint8_t keep = 1;
        policy_->filters()[i]->apply(cluster_, shape, {&node, 1}, {&keep, 1});
        if (!keep) return static_cast<int>(i);
    }
    return -1;
}

Choice BoundPolicy::scan(ShapeId shape) {
    feasible(shape, nodes_);
    if (nodes_.empty()) return {};
    keys(shape, nodes_, keys_);
    const auto best = std::max_element(keys_.begin(), keys_.begin() + nodes_.size());
    const NodeId node = nodes_[best - keys_.begin()];
    return {node, shared_->score().ranks(shape) ? worth(shape, node) : key_score(*best)};
}

void BoundPolicy::build(ShapeId shape, ShapeIndex& index) {
    std::vector<std::uint64_t> all(slots_.size(), 0);
    changed_.clear();
    nodes_.clear();
    const Matcher::Probe fits(matcher_, shape);
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
        const NodeId n = slots_.node(slot);
        if (n == kNoNode || !fits(n)) continue;
        changed_.push_back(slot);
        nodes_.push_back(n);
    }
    keys(shape, nodes_, keys_);
    index.fits.assign(slots_.size() / 64 + 1, 0);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        all[changed_[i]] = keys_[i];
        index.fits[changed_[i] / 64] |= std::uint64_t{1} << changed_[i] % 64;
    }
    index.keys.build(std::move(all));
    index.built = true;
    index.synced = slots_.changes().clock();
    bytes_ += index.keys.bytes();
}

void BoundPolicy::follow(ShapeId shape, ShapeIndex& index) {
    const ChangeList& changes = slots_.changes();
    if (index.synced == changes.clock()) return;
    // Where it fitted nowhere and nothing was freed, it still does not.
    if (index.keys.top() == 0 && changes.last_freed() <= index.synced) return;
    if (index.keys.size() < slots_.size()) {
        const std::size_t before = index.keys.bytes();
        index.keys.grow(slots_.size());
        index.fits.resize(slots_.size() / 64 + 1, 0);
        bytes_ += index.keys.bytes() - before;
    }
    if (changed_.size() <= slots_.size()) changed_.resize(slots_.size() + 1);
    if (nodes_.size() <= slots_.size()) nodes_.resize(slots_.size() + 1);
    std::uint64_t* const bits = index.fits.data();
    std::uint32_t* const changed = changed_.data();
    NodeId* const nodes = nodes_.data();
    // Two passes without branches, as none of what they would be taken on can be foreseen. The first drops
    // slots of which the same holds: where the shape did not fit and nothing was freed, it still does not.
    const std::size_t look =
        changes.since(index.synced, changed, [&](std::uint32_t slot, std::uint64_t freed) {
            return (bits[slot / 64] >> slot % 64 & 1) | (freed > index.synced);
        });
    std::size_t count = 0;
    const Matcher::Probe fits(matcher_, shape);
    for (std::size_t i = 0; i < look; ++i) {
        const std::uint32_t slot = changed[i];
        const NodeId n = slots_.node(slot);
        const bool fit = n != kNoNode && fits(n);
        std::uint64_t& word = bits[slot / 64];
        const std::uint64_t had = word >> slot % 64 & 1;
        word ^= (had ^ fit) << slot % 64;
        if (had > fit) index.keys.set(slot, 0);
        changed[count] = slot;
        nodes[count] = n;
        count += fit;
    }
    if (count > 0) {
        keys(shape, {nodes, count}, keys_);
        index.keys.set_all({changed, count}, keys_.data());
    }
    index.synced = changes.clock();
}

Choice BoundPolicy::choose(ShapeId shape) {
    if (policy_->scope() == Scope::Context) return scan(shape);
    if (shared_->score().covers(shape)) {
        slots_.sync();
        const SharedOrder::Found found = shared_->best(shape);
        if (found.node == kNoNode || !shared_->score().order_only()) return {found.node, found.score};
        return {found.node, worth(shape, found.node)};
    }
    if (indices_.size() <= shape) indices_.resize(cluster_.shape_count());
    ShapeIndex& index = indices_[shape];
    slots_.sync();
    if (!index.built) {
        build(shape, index);
    } else {
        follow(shape, index);
    }
    const std::uint64_t top = index.keys.top();
    if (top == 0) return {};
    return {slots_.node(static_cast<std::uint32_t>(index.keys.arg_top())), key_score(top)};
}

std::uint64_t BoundPolicy::pick(ShapeId shape, NodeId node) {
    const Shape& s = cluster_.shape(shape);
    if (s.gpus == 0) return 0;
    const std::uint64_t eligible = matcher_.eligible(shape, node);
    const int picker = policy_->picker();
    return picker >= 0 ? scorers_[picker]->pick(shape, node, eligible)
                       : tightest_devices(cluster_, s, node, eligible);
}

}  // namespace hal

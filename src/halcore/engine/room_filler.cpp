#include "halcore/engine/room_filler.h"

#include <numeric>

#include "halcore/engine/transaction.h"

namespace hal {

RoomFiller::RoomFiller(Engine& engine, const JobRequest& job, BoundPolicy& bound)
    : engine_(engine),
      cluster_(engine.cluster()),
      bound_(bound),
      traits_(job.traits),
      tree_(job.gang ? cluster_.tree() : nullptr) {
    if (!job.gang) {
        roles_.push_back({job.shape, job.tasks});
        return;
    }
    for (const Gang::Role& role : job.gang->roles) {
        std::int32_t level = tree_ ? tree_->topology().n_levels() : 0;  // one node
        if (tree_ && !role.slice_level.empty()) level = tree_->topology().find_level(role.slice_level);
        roles_.push_back({role.shape, role.min_tasks, role.slice, level});
    }
}

std::int64_t RoomFiller::total() const {
    return std::accumulate(found_.begin(), found_.end(), std::int64_t{0});
}

std::size_t RoomFiller::short_role() const {
    for (std::size_t r = 0; r < roles_.size(); ++r)
        if (found_[r] < roles_[r].least) return r;
    return 0;
}

std::string RoomFiller::kept_away(ShapeId shape, NodeId n) {
    const Reason reason = engine_.matcher().check(shape, n);
    if (reason && reason.code < Reason::Code::GpuModel)
        return describe(reason, cluster_, cluster_.shape(shape), n);
    if (const int by = reason ? -1 : bound_.rejected_by(shape, n); by >= 0) {
        const auto& filters = bound_.policy().filters();
        return "filter '" + filters[static_cast<std::size_t>(by)]->name() + "' of the policy";
    }
    return engine_.rule_refusal({n, shape, 0, traits_}, own_);
}

void RoomFiller::take(ShapeId shape, NodeId n) {
    own_.push_back(cluster_.settle({n, shape, bound_.pick(shape, n), traits_}));
    cluster_.take(own_.back());
}

void RoomFiller::fill_anywhere() {
    own_.clear();
    found_.assign(roles_.size(), 0);
    for (std::size_t r = 0; r < roles_.size(); ++r) {
        for (; found_[r] < roles_[r].least; ++found_[r]) {
            const Choice choice = engine_.choose_task(roles_[r].shape, traits_, bound_, own_);
            if (choice.node == kNoNode) break;
            take(roles_[r].shape, choice.node);
        }
    }
}

void RoomFiller::fill(std::int32_t domain, std::size_t first) {
    own_.clear();
    found_.assign(roles_.size(), 0);
    const Block all = block(domain);
    fill_role(all, first);
    for (std::size_t r = 0; r < roles_.size(); ++r)
        if (r != first) fill_role(all, r);
}

void RoomFiller::fill_role(const Block& all, std::size_t r) {
    const Role& role = roles_[r];
    if (role.slice == 1) {
        found_[r] = fill_block(all, role.shape, role.least);
        return;
    }
    for (const Block& part : blocks(all, role.slice_level)) {
        while (found_[r] < role.least) {
            const std::size_t before = own_.size();
            Transaction one(cluster_);
            if (fill_block(part, role.shape, role.slice) < role.slice) {
                own_.resize(before);
                break;
            }
            one.keep();
            found_[r] += role.slice;
        }
    }
}

std::int64_t RoomFiller::fill_block(const Block& block, ShapeId shape, std::int64_t tasks) {
    const auto holds_one = [&](NodeId n) {
        return engine_.matcher().fits(shape, n) && bound_.rejected_by(shape, n) < 0 &&
               engine_.rule_refusal({n, shape, 0, traits_}, own_).empty();
    };
    std::int64_t held = 0;
    for (const NodeId n : nodes_of(block))
        for (; held < tasks && holds_one(n); ++held) take(shape, n);
    return held;
}

RoomFiller::Block RoomFiller::block(std::int32_t domain) const {
    return {tree_->topology().node_begin(domain), tree_->topology().node_end(domain)};
}

std::vector<RoomFiller::Block> RoomFiller::blocks(const Block& all, std::int32_t level) const {
    const Topology& t = tree_->topology();
    std::vector<Block> found;
    for (std::int32_t p = all.begin; p < all.end; p = found.back().end) {
        std::int32_t top = -1;
        for (std::int32_t d = t.node_domain(t.node_order()[p]); d >= 0 && t.level(d) >= level;
             d = t.parent(d))
            top = d;
        found.push_back(top < 0 ? Block{p, p + 1} : block(top));
    }
    return found;
}

std::vector<NodeId> RoomFiller::nodes_of(const Block& block) const {
    std::vector<NodeId> nodes;
    for (std::int32_t p = block.begin; p < block.end; ++p)
        if (tree_->node(p) != kNoNode) nodes.push_back(tree_->node(p));
    return nodes;
}

}  // namespace hal

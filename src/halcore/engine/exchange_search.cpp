#include "halcore/engine/exchange_search.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "halcore/engine/transaction.h"

namespace hal {
namespace {

std::int64_t share(const Shape& s) {
    return std::int64_t{s.gpus} * std::max(s.milli, 1);
}

}  // namespace

void ExchangeSearch::add(JobId job) {
    if (!engine_.bound_by_rules(place(job).traits)) jobs_[place(job).shape].push_back(job);
    shapes_.clear();
}

bool ExchangeSearch::fits(const Want& want, NodeId node) {
    return engine_.matcher().fits(want.shape, node) &&
           engine_.bound(policy_).rejected_by(want.shape, node) < 0 &&
           engine_.rule_refusal({node, want.shape, 0, want.traits}, {}).empty();
}

// Which task of the shape, elsewhere, the task could take the place of.
JobId ExchangeSearch::partner(JobId out, ShapeId shape, NodeId node) {
    const TaskPlace leaving = place(out);
    const Shape& large = cluster_.shape(leaving.shape);
    const Shape& small = cluster_.shape(shape);
    JobId best = kNoJob;
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (const JobId in : jobs_.at(shape)) {
        const TaskPlace coming = place(in);
        const NodeId there = coming.node;
        if (there == node) continue;
        const std::int64_t spare = cluster_.free(kCpu, there) + small.cpu - large.cpu;
        if (spare < 0 || spare >= least || cluster_.gpu_total_free(there) + share(small) < share(large))
            continue;
        const Transaction trial(cluster_);
        cluster_.give(coming);
        if (fits({leaving.shape, 1, leaving.traits}, there)) best = in, least = spare;
    }
    return best;
}

std::vector<Exchange> ExchangeSearch::find(NodeId node, std::span<const JobId> here,
                                           const std::vector<Want>& wants) {
    if (shapes_.empty()) {
        for (const auto& [shape, jobs] : jobs_) shapes_.push_back(shape);
        std::stable_sort(shapes_.begin(), shapes_.end(), [&](ShapeId a, ShapeId b) {
            const Shape &x = cluster_.shape(a), &y = cluster_.shape(b);
            return std::make_tuple(x.cpu, share(x)) < std::make_tuple(y.cpu, share(y));
        });
    }
    std::vector<const Want*> lacking;
    for (const Want& want : wants) {
        const Reason reason = engine_.matcher().check(want.shape, node);
        if (reason && reason.code >= Reason::Code::Resource) lacking.push_back(&want);
    }
    std::vector<Exchange> found;
    if (lacking.empty()) return found;
    BoundPolicy& bound = engine_.bound(policy_);
    const auto helps = [&] {
        return std::any_of(lacking.begin(), lacking.end(), [&](const Want* w) { return fits(*w, node); });
    };
    for (const JobId out : here) {
        const Shape& large = cluster_.shape(place(out).shape);
        if (engine_.bound_by_rules(place(out).traits)) continue;
        const Transaction without(cluster_);
        cluster_.give(place(out));
        if (!helps()) continue;
        int shapes = 0;
        for (const ShapeId shape : shapes_) {
            const Shape& small = cluster_.shape(shape);
            if (small.cpu > large.cpu) break;
            if (share(small) > share(large) || (small.cpu == large.cpu && share(small) == share(large)) ||
                !fits({shape, 1, 0}, node))
                continue;
            JobId in = kNoJob;
            {
                const Transaction with(cluster_);
                cluster_.take(cluster_.settle({node, shape, bound.pick(shape, node)}));
                if (helps()) in = partner(out, shape, node);
            }
            if (in == kNoJob) continue;
            found.push_back({out, in});
            if (++shapes == kShapesATask) break;
        }
    }
    return found;
}

}  // namespace hal

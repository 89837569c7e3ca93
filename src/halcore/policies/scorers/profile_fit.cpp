// Profile fit: the node, of those with room for a GPU instance, whose best device loses the least room for
// the profiles of its table. Assumes: every profile of a table is as likely to be asked for. Score: 1 - lost
// / (room of an empty device + 1), lost as room_lost() has it: slices that instances could still take, summed
// over the profiles, before less after; of equals the fullest device. Tasks without a profile: 1 everywhere.
// Cost: O(devices) a node. Source: fragmentation as in Weng et al., USENIX ATC 2023, over profiles instead of
// shares.
#include "halcore/policies/devices.h"
#include "halcore/policies/registry.h"
#include "halcore/policies/scorers/simple_scorer.h"

namespace hal {
namespace {

class ProfileFit final : public BoundScorer {
  public:
    ProfileFit(int, const Cluster& cluster, std::uint64_t) : cluster_(cluster) {}
    void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
        const Shape& s = cluster_.shape(shape);
        for (std::size_t i = 0; i < nodes.size(); ++i)
            out[i] = s.profile == kNoProfile ? 1.0 : best(s, nodes[i]);
    }

  private:
    double best(const Shape& s, NodeId node) const {
        double best = 0;
        std::uint64_t m = fitting_devices(cluster_, s, node, eligible_devices(cluster_, s, node));
        for (; m; m &= m - 1) {
            const int g = std::countr_zero(m);
            const Device& d = cluster_.node_class(node).devices[g];
            best = std::max(best,
                            1 - room_lost(cluster_, s, node, g) / (partition_table(d.partition).room(0) + 1));
        }
        return best;
    }
    const Cluster& cluster_;
};

}  // namespace

ScorerPtr make_profile_fit(Params&) {
    return std::make_shared<SimpleScorer<ProfileFit, int>>("profile_fit", 0);
}

}  // namespace hal

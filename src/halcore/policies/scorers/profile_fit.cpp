// Profile fit: the node, of those with room for a GPU instance, and the device whose room (ProfileRoom) for
// the profiles that come shrinks least. Score: 1 - lost / (room of an empty device + 1), lost the room before
// less after; of equals the fullest device, then the first. Where on the device the instance starts is the
// table's choice (PartitionTable::best_start). Tasks without a profile: 1 everywhere. Cost: O(devices) a
// node. Parameter: typical ("any", "seen", or counts of profiles).
// Source: fragmentation as in Weng et al., USENIX ATC 2023, over profiles instead of shares.
#include "halcore/policies/devices.h"
#include "halcore/policies/profile_room.h"
#include "halcore/policies/registry.h"
#include "halcore/policies/scorers/simple_scorer.h"

namespace hal {
namespace {

class ProfileFit final : public BoundScorer {
  public:
    ProfileFit(const ProfileSource& source, const Cluster& cluster, std::uint64_t)
        : cluster_(cluster), seen_(source.seen), then_(cluster.seen()), room_(source.on(cluster)) {}
    void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
        const Shape& s = cluster_.shape(shape);
        for (std::size_t i = 0; i < nodes.size(); ++i)
            out[i] = s.profile == kNoProfile
                         ? 1.0
                         : best(s, nodes[i], eligible_devices(cluster_, s, nodes[i])).score;
    }
    std::uint64_t pick(ShapeId shape, NodeId node, std::uint64_t eligible) override {
        const Shape& s = cluster_.shape(shape);
        if (s.profile == kNoProfile) return tightest_devices(cluster_, s, node, eligible);
        return std::uint64_t{1} << best(s, node, eligible).device;
    }
    bool stale() const override { return seen_ && then_ != cluster_.seen(); }

  private:
    struct Best {
        double score = -1;
        int device = -1;
    };
    Best best(const Shape& s, NodeId node, std::uint64_t eligible) const {
        Best best;
        for (std::uint64_t m = fitting_devices(cluster_, s, node, eligible); m; m &= m - 1) {
            const int g = std::countr_zero(m);
            const PartitionId id = cluster_.node_class(node).devices[g].partition;
            const PartitionTable& table = partition_table(id);
            const Slices before = cluster_.gpu_slices(node)[g];
            const Slices taken = table.layout(s.profile).taken_from(table.best_start(s.profile, before));
            const auto lost = static_cast<double>(room_.room(id, before) - room_.room(id, before | taken));
            const double tie = (kSlices - std::popcount(before)) / 16.0;
            const double score = 1 - (lost + tie) / (static_cast<double>(room_.room(id, 0)) + 1);
            if (score > best.score) best = {score, g};
        }
        return best;
    }
    const Cluster& cluster_;
    bool seen_;
    Cluster::SeenCounts then_;
    ProfileRoom room_;
};

}  // namespace

ScorerPtr make_profile_fit(Params& params) {
    return std::make_shared<SimpleScorer<ProfileFit, ProfileSource>>("profile_fit", ProfileSource(params),
                                                                     Scope::Node, true);
}

}  // namespace hal

#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "halcore/engine/matcher.h"

namespace hal {

/// How many tasks of a shape each position of the cluster's tree holds now, kept from call to call: only
/// nodes that changed are counted again. Precondition of all calls: the cluster has a tree.
class GangSlots {
  public:
    GangSlots(const Cluster& cluster, Matcher& matcher) : cluster_(cluster), matcher_(matcher) {}

    /// Forgets shapes when there are many; ends the life of the spans that now() gave.
    void trim();
    /// By position. O(nodes changed) since the last call for this shape.
    std::span<const std::int32_t> now(ShapeId shape);
    /// The same if nothing ran. O(nodes).
    std::vector<std::int32_t> empty(ShapeId shape);

    /// Whether the node holds these counts of the shapes together. With `tasks`, also how: appended in the
    /// order of the shapes. Devices: whole ones first, then shares, each where it fits tightest; sound, and
    /// complete unless shares of different sizes pack awkwardly.
    bool pack(NodeId node, std::span<const ShapeId> shapes, std::span<const std::int32_t> counts,
              std::vector<TaskPlace>* tasks = nullptr);

  private:
    struct Row {
        std::uint64_t synced = 0, structure = UINT64_MAX;
        std::vector<std::int32_t> slots;
    };
    std::int32_t count(ShapeId shape, NodeId node);
    std::int32_t count_devices(const Shape& shape, NodeId node);

    const Cluster& cluster_;
    Matcher& matcher_;
    std::unordered_map<ShapeId, Row> rows_;  // looked up only
};

}  // namespace hal

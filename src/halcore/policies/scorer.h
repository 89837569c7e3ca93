#pragma once

#include <memory>
#include <span>
#include <string>

#include "halcore/model/cluster.h"

namespace hal {

/// What a score depends on. Node: the node's own state (and the shape) alone, so it is kept until the node
/// changes, and equal empty nodes share it. Identity: also on which node it is (its place, its price); kept,
/// but for each node. Context: anything else (other nodes, the decision's number), so it is computed anew
/// each time.
enum class Scope : std::uint8_t { Node, Identity, Context };

/// A scorer at work on one cluster: it may keep memos. One caller at a time.
class BoundScorer {
  public:
    virtual ~BoundScorer() = default;
    /// out[i] in [0, 1], higher is better, for placing one task of the shape on nodes[i], where it fits.
    virtual void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) = 0;
    /// The devices to take on a node where the shape fits, among the eligible ones. Only asked of scorers
    /// that pick.
    virtual std::uint64_t pick(ShapeId, NodeId, std::uint64_t /*eligible*/) { return 0; }
    /// The tasks of the same job placed so far, before each choice. Told to scorers of Context scope alone.
    virtual void placed(std::span<const TaskPlace>) {}
    /// True when what it was bound with has changed (the largest node, the typical tasks): bind again.
    virtual bool stale() const { return false; }
};

/// A scorer as configured: immutable, shared by clusters and threads.
class Scorer {
  public:
    virtual ~Scorer() = default;
    virtual const std::string& name() const = 0;
    virtual Scope scope() const { return Scope::Node; }
    virtual bool picks() const { return false; }
    virtual std::unique_ptr<BoundScorer> bind(const Cluster& cluster, std::uint64_t seed) const = 0;
};

using ScorerPtr = std::shared_ptr<const Scorer>;

}  // namespace hal

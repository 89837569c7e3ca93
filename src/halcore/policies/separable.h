#pragma once

#include <cstdint>

#include "halcore/model/cluster.h"

namespace hal {

/// An optional contract of a BoundScorer: its score is a difference, score(shape, node) = base(shape) -
/// cost(node), so every shape ranks the nodes in one order, the least cost first. When all scorers of a
/// policy are separable the engine keeps that order once (SharedOrder) rather than once a shape.
///
/// The totals of such a policy are these differences, base and cost each rounded to steps of 2^-30; they
/// replace what score() gives, which may be off by a rounding. Unless the scorer truncates: then score() is
/// what counts, and the difference says where to look. Or unless only the order is known: then cost() ranks,
/// and score() tells what a node is worth.
class Separable {
  public:
    virtual ~Separable() = default;
    /// The formula holds for the shape on every node where it fits, and stays within [0, 1] there. Told once:
    /// a scorer for which that changes is stale().
    virtual bool separable(ShapeId shape) const = 0;
    virtual double base(ShapeId shape) const = 0;
    /// From 0 to 1, of the node's present state alone.
    virtual double cost(NodeId node) const = 0;
    /// score() is the difference truncated to multiples of 1 / truncated(); 0: it is not truncated.
    virtual std::int64_t truncated() const { return 0; }
    /// base() is not known, only that there is one; whatever it says is within [cost, 1] for every cost.
    virtual bool order_only() const { return false; }
};

}  // namespace hal

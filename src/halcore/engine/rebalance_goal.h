#pragma once

#include <memory>
#include <vector>

#include "halcore/engine/rebalance.h"

namespace hal {

/// What a rebalancing is after. Told what a step does while it is being tried, it says what that is worth.
class RebalanceGoal {
  public:
    virtual ~RebalanceGoal() = default;
    virtual double value() const = 0;  // now
    virtual double gain(double before, double after) const = 0;
    virtual std::int64_t wanted() const { return 0; }
    /// Tasks for which it is worth clearing a node.
    virtual const std::vector<Want>& worth_clearing_for() const = 0;

    virtual void open(NodeId node) = 0;     // a step away from this node begins
    virtual void freed(NodeId node) = 0;    // the tasks have left
    virtual void filling(NodeId node) = 0;  // one is about to arrive here
    /// The step's gain; with `keep` the step is made.
    virtual double close(bool keep) = 0;
};

/// To be called, and used, inside one transaction of the caller: wanted tasks are booked on trial.
std::unique_ptr<RebalanceGoal> make_goal(Engine& engine, const std::shared_ptr<const Policy>& policy,
                                         const RebalanceOptions& options);

}  // namespace hal

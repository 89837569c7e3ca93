#pragma once

namespace hal::signals {

/// The growth of a quantity that jumps and then stays: its derivative behind a low pass with time constant
/// tau, (w - m) / tau with m' = (w - m) / tau. Between jumps the filter is solved exactly, so that it does
/// not matter how often it is read. O(1) a jump.
class Drift {
  public:
    explicit Drift(double half_life);
    /// The quantity is w from now on. A clock that goes back counts as one that stands still.
    void set(double now, double w);
    /// As it is at `now`, 1/s.
    double at(double now) const;
    double tau() const { return tau_; }

  private:
    double mean_at(double now) const;

    double tau_;
    double time_ = 0, w_ = 0, mean_ = 0;
};

}  // namespace hal::signals

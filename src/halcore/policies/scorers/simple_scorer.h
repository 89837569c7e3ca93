#pragma once

#include <utility>

#include "halcore/policies/params.h"
#include "halcore/policies/scorer.h"

namespace hal {

/// The scorer of a bound class B(const Config&, const Cluster&, seed): what every leaf would repeat.
template <class Bound, class Config>
class SimpleScorer final : public Scorer {
  public:
    SimpleScorer(std::string name, Config config, Scope scope = Scope::Node, bool picks = false)
        : name_(std::move(name)), config_(std::move(config)), scope_(scope), picks_(picks) {}
    const std::string& name() const override { return name_; }
    Scope scope() const override { return scope_; }
    bool picks() const override { return picks_; }
    std::unique_ptr<BoundScorer> bind(const Cluster& cluster, std::uint64_t seed) const override {
        return std::make_unique<Bound>(config_, cluster, seed);
    }

  private:
    std::string name_;
    Config config_;
    Scope scope_;
    bool picks_;
};

}  // namespace hal

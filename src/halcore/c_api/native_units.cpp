#include "halcore/c_api/native_units.h"

#include <algorithm>
#include <limits>

#include "halcore/c_api/native_batch.h"
#include "halcore/model/error.h"
#include "halcore/policies/separable.h"

namespace hal {
namespace {

constexpr std::uint8_t kUnset = 255;

// Calls the function; what it leaves unset, returns or throws is checked here, once for scorers and filters.
template <class Function, class Out>
void call(const char* kind, const std::string& name, Function function, const hal_batch& batch, Out* out,
          void* data, const Cluster& cluster) {
    if (batch.n_candidates == 0) return;
    const auto fail = [&](const std::string& how, std::size_t at, bool alone) {
        const std::string more =
            alone ? "" : " and " + std::to_string(batch.n_candidates - 1) + " more asked about at once";
        throw PolicyError(std::string(kind) + " '" + name + "' " + how + " for node '" +
                          cluster.name(batch.nodes[at]) + "'" + more);
    };
    int status = 0;
    try {
        status = function(&batch, out, data);
    } catch (...) {
        fail("threw an exception", 0, batch.n_candidates == 1);
    }
    if (status == 0) return;
    const bool blamed = status > 0 && static_cast<std::size_t>(status) <= batch.n_candidates;
    fail("returned status " + std::to_string(status), blamed ? static_cast<std::size_t>(status) - 1 : 0,
         blamed || batch.n_candidates == 1);
}

class NativeScorer final : public Scorer {
  public:
    NativeScorer(std::string name, hal_score_fn score, NativeData data, std::uint32_t scope)
        : name_(std::move(name)), score_(score), data_(std::move(data)), scope_(scope) {}
    const std::string& name() const override { return name_; }
    Scope scope() const override { return scope_ == HAL_SCOPE_CONTEXT ? Scope::Context : Scope::Node; }
    std::unique_ptr<BoundScorer> bind(const Cluster& cluster, std::uint64_t) const override {
        if (scope_ == HAL_SCOPE_ORDER) return std::make_unique<Ordered>(*this, cluster);
        return std::make_unique<Bound>(*this, cluster);
    }

  private:
    // The policy keeps the scorer for as long as anything bound to it lives.
    class Bound : public BoundScorer {
      public:
        Bound(const NativeScorer& scorer, const Cluster& cluster)
            : scorer_(scorer), cluster_(cluster), batch_(cluster) {}
        void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
            std::fill(out.begin(), out.end(), std::numeric_limits<double>::quiet_NaN());  // unset is no score
            call("scorer", scorer_.name_, scorer_.score_, batch_.ask(shape, nodes, placed_), out.data(),
                 scorer_.data_.get(), cluster_);
        }
        void placed(std::span<const TaskPlace> tasks) override {
            placed_.clear();
            for (const TaskPlace& task : tasks) placed_.push_back(task.node);
        }
        bool stale() const override { return batch_.stale(); }

      protected:
        const NativeScorer& scorer_;
        const Cluster& cluster_;
        mutable NativeBatch batch_;  // holds the question while it is asked, nothing else

      private:
        std::vector<NodeId> placed_;
    };
    // Ranks as it does for a task that asks for nothing.
    class Ordered final : public Bound, public Separable {
      public:
        using Bound::Bound;
        bool separable(ShapeId) const override { return true; }
        double base(ShapeId) const override { return 1; }
        bool order_only() const override { return true; }
        double cost(NodeId node) const override {
            double score = std::numeric_limits<double>::quiet_NaN();
            call("scorer", scorer_.name_, scorer_.score_, batch_.ask_nothing({&node, 1}), &score,
                 scorer_.data_.get(), cluster_);
            if (score >= 0 && score <= 1) return 1 - score;
            throw PolicyError("scorer '" + scorer_.name_ + "' gave " + std::to_string(score) + " for node '" +
                              cluster_.name(node) +
                              "' and a task that asks for nothing; scores are from 0 to 1");
        }
    };
    std::string name_;
    hal_score_fn score_;
    NativeData data_;
    std::uint32_t scope_;
};

class NativeFilter final : public Filter {
  public:
    NativeFilter(std::string name, hal_keep_fn keep, NativeData data)
        : name_(std::move(name)), keep_(keep), data_(std::move(data)) {}
    const std::string& name() const override { return name_; }
    void apply(const Cluster& cluster, ShapeId shape, std::span<const NodeId> nodes,
               std::span<std::uint8_t> keep) const override {
        std::vector<std::uint8_t> answer(nodes.size(), kUnset);
        NativeBatch batch(cluster);
        call("filter", name_, keep_, batch.ask(shape, nodes), answer.data(), data_.get(), cluster);
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            if (answer[i] > 1) {
                throw PolicyError("filter '" + name_ + "' gave " +
                                  (answer[i] == kUnset ? "nothing" : std::to_string(answer[i])) +
                                  " for node '" + cluster.name(nodes[i]) + "'; write 1 (keep) or 0 (reject)");
            }
            keep[i] &= answer[i];
        }
    }

  private:
    std::string name_;
    hal_keep_fn keep_;
    NativeData data_;
};

template <class Unit>
std::string check_unit(const char* kind, const Unit& unit) {
    if (unit.size < sizeof(Unit)) {
        throw PolicyError(std::string(kind) + ": its size is " + std::to_string(unit.size) +
                          ", must be sizeof(hal_" + kind + "), " + std::to_string(sizeof(Unit)));
    }
    if (!unit.name || !*unit.name) throw PolicyError(std::string(kind) + ": has no name");
    const std::string what = std::string(kind) + " '" + unit.name + "'";
    check_abi(what, unit.abi_version);
    return what;
}

}  // namespace

void check_abi(const std::string& what, std::uint32_t version) {
    if (version >= HAL_ABI_VERSION_MIN && version <= HAL_ABI_VERSION) return;
    throw PolicyError(what + ": was built for version " + std::to_string(version) +
                      " of hal's C interface; this one serves " + std::to_string(HAL_ABI_VERSION_MIN) +
                      " to " + std::to_string(HAL_ABI_VERSION) + ": build it again with this hal.h");
}

void check_scope(const std::string& what, std::uint32_t scope) {
    if (scope <= HAL_SCOPE_ORDER) return;
    throw PolicyError(what + ": its scope is " + std::to_string(scope) +
                      "; use HAL_SCOPE_CONTEXT, HAL_SCOPE_NODE or HAL_SCOPE_ORDER");
}

void check(const hal_scorer& scorer) {
    const std::string what = check_unit("scorer", scorer);
    if (!scorer.score) throw PolicyError(what + ": its score is NULL");
    check_scope(what, scorer.scope);
}

void check(const hal_filter& filter) {
    const std::string what = check_unit("filter", filter);
    if (!filter.keep) throw PolicyError(what + ": its keep is NULL");
}

ScorerPtr native_scorer(std::string name, hal_score_fn score, NativeData data, std::uint32_t scope) {
    return std::make_shared<NativeScorer>(std::move(name), score, std::move(data), scope);
}

FilterPtr native_filter(std::string name, hal_keep_fn keep, NativeData data) {
    return std::make_shared<NativeFilter>(std::move(name), keep, std::move(data));
}

}  // namespace hal

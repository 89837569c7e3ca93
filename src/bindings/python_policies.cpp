// Scorers and filters that call back into Python, batched: one call for a shape over the candidate nodes.
#include <nanobind/ndarray.h>

#include "bind_model.h"
#include "bind_policies.h"
#include "cluster_handle.h"
#include "halcore/model/error.h"

namespace nb = nanobind;

namespace hal::bindings {
namespace {

using Nodes = nb::ndarray<nb::numpy, const NodeId, nb::ndim<1>, nb::c_contig>;

// Destroyed with the GIL held, whichever thread drops the last policy.
class Callback {
  public:
    explicit Callback(nb::object function) : function_(new nb::object(std::move(function))) {}
    ~Callback() {
        nb::gil_scoped_acquire gil;
        delete function_;
    }
    Callback(const Callback&) = delete;
    Callback& operator=(const Callback&) = delete;

    /// Calls it and copies the n values it returns; a Python error or a wrong array is a PolicyError.
    template <class T>
    void operator()(const std::string& name, const Cluster& cluster, ShapeId shape,
                    std::span<const NodeId> nodes, std::span<T> out) const {
        nb::gil_scoped_acquire gil;
        try {
            const auto handle = std::make_shared<ShapeHandle>(cluster.shape(shape).spec);
            nb::object columns = cluster_columns(cluster);
            nb::object ids = nb::cast(Nodes(nodes.data(), {nodes.size()}), nb::rv_policy::copy);
            nb::object result = (*function_)(handle, columns, ids);
            nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu> values;
            if (!nb::try_cast(result, values) || values.shape(0) != nodes.size()) {
                throw PolicyError("policy unit '" + name + "' must return one value a node (" +
                                  std::to_string(nodes.size()) + ")");
            }
            std::copy_n(values.data(), nodes.size(), out.data());
        } catch (nb::python_error& error) {
            throw PolicyError("policy unit '" + name + "' failed: " + error.what());
        }
    }

  private:
    nb::object* function_;
};

class PythonScorer final : public Scorer {
  public:
    PythonScorer(std::string name, nb::object score, bool own_state)
        : name_(std::move(name)),
          callback_(std::make_shared<Callback>(std::move(score))),
          scope_(own_state ? Scope::Node : Scope::Context) {}
    const std::string& name() const override { return name_; }
    Scope scope() const override { return scope_; }
    std::unique_ptr<BoundScorer> bind(const Cluster& cluster, std::uint64_t) const override {
        struct Bound final : BoundScorer {
            Bound(const PythonScorer& s, const Cluster& c)
                : name(s.name_), callback(s.callback_), cluster(c) {}
            void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
                (*callback)(name, cluster, shape, nodes, out);
            }
            std::string name;
            std::shared_ptr<Callback> callback;
            const Cluster& cluster;
        };
        return std::make_unique<Bound>(*this, cluster);
    }

  private:
    std::string name_;
    std::shared_ptr<Callback> callback_;
    Scope scope_;
};

class PythonFilter final : public Filter {
  public:
    PythonFilter(std::string name, nb::object keep) : name_(std::move(name)), callback_(std::move(keep)) {}
    const std::string& name() const override { return name_; }
    void apply(const Cluster& cluster, ShapeId shape, std::span<const NodeId> nodes,
               std::span<std::uint8_t> keep) const override {
        std::unique_ptr<bool[]> kept(new bool[nodes.size()]);
        callback_(name_, cluster, shape, nodes, std::span<bool>(kept.get(), nodes.size()));
        for (std::size_t i = 0; i < nodes.size(); ++i) keep[i] &= kept[i];
    }

  private:
    std::string name_;
    Callback callback_;
};

}  // namespace

ScorerHandle python_scorer(std::string name, nb::object score, bool own_state) {
    return {std::make_shared<PythonScorer>(std::move(name), std::move(score), own_state)};
}
FilterHandle python_filter(std::string name, nb::object keep) {
    return {std::make_shared<PythonFilter>(std::move(name), std::move(keep))};
}

}  // namespace hal::bindings

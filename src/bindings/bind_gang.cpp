#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "bindings.h"
#include "halcore/engine/gang_solver.h"
#include "halcore/model/error.h"
#include "halcore/model/gang.h"

namespace nb = nanobind;

namespace hal::bindings {
namespace {

using Amounts = nb::ndarray<const std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Counts = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Role = std::tuple<std::int32_t, std::int32_t, std::int32_t>;
using Answer = std::tuple<bool, bool, std::int32_t, std::int64_t,
                          std::vector<std::tuple<std::int32_t, std::vector<std::int32_t>>>>;

// Resources as plain columns: what a node holds of a role is the least quotient, and counts fit together when
// their sums do.
Answer solve(const Topology& t, const std::vector<Role>& roles, const Amounts& demand, const Amounts& free,
             std::int32_t required, std::int32_t preferred, const std::optional<Counts>& running,
             double effort) {
    const std::size_t n_roles = roles.size(), n = t.n_nodes(), k = free.shape(1);
    if (n_roles < 1 || n_roles > Gang::kMostRoles)
        throw InvalidModel("gang: " + std::to_string(n_roles) + " roles; give 1 to " +
                           std::to_string(Gang::kMostRoles));
    if (demand.shape(0) != n_roles || demand.shape(1) != k || free.shape(0) != n)
        throw InvalidModel("gang: demand must be (roles, resources) and free (nodes, resources)");
    if (running && running->shape(0) != n) throw InvalidModel("gang: running must have one entry a node");
    if (required < 0 || required > t.n_levels() || preferred < required || preferred > t.n_levels())
        throw InvalidModel("gang: levels need 0 <= required <= preferred <= " + std::to_string(t.n_levels()));
    GangProblem problem{t, {}, required, preferred, {}, {}, {}};
    for (const auto& [tasks, slice, level] : roles) {
        if (tasks < 1 || tasks > 1'000'000 || slice < 1 || tasks % slice != 0 || level < 0 ||
            level > t.n_levels())
            throw InvalidModel(
                "gang: a role needs 1 to 1,000,000 tasks in whole slices at a level of the tree");
        problem.roles.push_back({tasks, slice, level});
    }
    for (std::size_t i = 0; i < n_roles * k; ++i)
        if (demand.data()[i] < 0) throw InvalidModel("gang: demand must not be negative");
    std::vector<std::vector<std::int32_t>> capacity(n_roles, std::vector<std::int32_t>(n));
    std::vector<std::int32_t> held;
    for (std::size_t p = 0; p < n; ++p) {
        const auto* have = free.data() + t.node_order()[p] * k;
        for (std::size_t r = 0; r < n_roles; ++r) {
            std::int64_t most = problem.roles[r].tasks;
            for (std::size_t i = 0; i < k; ++i)
                if (const auto amount = demand(r, i))
                    most = std::min(most, std::max<std::int64_t>(have[i], 0) / amount);
            capacity[r][p] = static_cast<std::int32_t>(most);
        }
        if (running) held.push_back((*running)(t.node_order()[p]));
    }
    for (const auto& c : capacity) problem.capacity.emplace_back(c);
    problem.running = held;
    problem.together = [&](std::int32_t position, std::span<const std::int32_t> counts) {
        const auto* have = free.data() + t.node_order()[position] * k;
        for (std::size_t i = 0; i < k; ++i) {
            std::int64_t sum = 0;
            for (std::size_t r = 0; r < n_roles; ++r) sum += counts[r] * demand(r, i);
            if (sum > have[i]) return false;
        }
        return true;
    };
    nb::gil_scoped_release release;
    const GangAnswer answer = solve_gang(problem, effort);
    Answer out{answer.feasible, answer.exact, answer.spread, answer.distance, {}};
    for (const auto& share : answer.shares)
        std::get<4>(out).emplace_back(t.node_order()[share.position], share.tasks);
    return out;
}

}  // namespace

void bind_gang(nb::module_& m) {
    m.def("solve_gang", &solve, nb::arg("topology"), nb::arg("roles"), nb::arg("demand"), nb::arg("free"),
          nb::arg("required"), nb::arg("preferred"), nb::arg("running").none(), nb::arg("effort"));
}

}  // namespace hal::bindings

#include "halcore/policies/registry.h"

#include "halcore/model/error.h"

namespace hal {
namespace {

using Factory = ScorerPtr (*)(Params&);

// The whole list: a new scorer is its leaf, a line here and a line in registry.h.
const std::map<std::string, Factory>& factories() {
    static const std::map<std::string, Factory> table = {
        {"best_fit", make_best_fit},
        {"dot_product", make_dot_product},
        {"energy", make_energy},
        {"expected_waste", make_expected_waste},
        {"fgd", make_fgd},
        {"first_fit", make_first_fit},
        {"gpu_clustering", make_gpu_clustering},
        {"gpu_packing", make_gpu_packing},
        {"pack_spread", make_pack_spread},
        {"power", make_power},
        {"profile_fit", make_profile_fit},
        {"random", make_random},
        {"spread", make_spread},
        {"topology_distance", make_topology_distance},
        {"worst_fit", make_worst_fit},
    };
    return table;
}

}  // namespace

ScorerPtr make_scorer(const std::string& name, std::map<std::string, ParamValue> values) {
    const auto it = factories().find(name);
    if (it == factories().end()) {
        std::string known;
        for (const auto& n : scorer_names()) known += (known.empty() ? "" : ", ") + n;
        throw PolicyError("policy '" + name + "' is unknown; known are: " + known);
    }
    Params params(name, std::move(values));
    ScorerPtr scorer = it->second(params);
    params.finish();
    return scorer;
}

std::vector<std::string> scorer_names() {
    std::vector<std::string> names;
    for (const auto& [name, factory] : factories()) names.push_back(name);
    return names;
}

}  // namespace hal

#pragma once

#include <map>
#include <string>
#include <vector>

#include "halcore/policies/params.h"
#include "halcore/policies/scorer.h"

namespace hal {

/// A scorer by its registry name, configured. PolicyError for an unknown name or a bad parameter.
ScorerPtr make_scorer(const std::string& name, std::map<std::string, ParamValue> params);
std::vector<std::string> scorer_names();

ScorerPtr make_best_fit(Params&);
ScorerPtr make_dot_product(Params&);
ScorerPtr make_energy(Params&);
ScorerPtr make_expected_waste(Params&);
ScorerPtr make_fgd(Params&);
ScorerPtr make_first_fit(Params&);
ScorerPtr make_gpu_clustering(Params&);
ScorerPtr make_gpu_packing(Params&);
ScorerPtr make_pack_spread(Params&);
ScorerPtr make_power(Params&);
ScorerPtr make_profile_fit(Params&);
ScorerPtr make_random(Params&);
ScorerPtr make_spread(Params&);
ScorerPtr make_topology_distance(Params&);
ScorerPtr make_worst_fit(Params&);

}  // namespace hal

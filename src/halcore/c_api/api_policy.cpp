#include <cmath>
#include <map>

#include "halcore/c_api/api_handles.h"
#include "halcore/c_api/native_units.h"
#include "halcore/model/error.h"
#include "halcore/policies/registry.h"

using namespace hal::c_api;

namespace {

double weight_of(const std::string& scorer, double weight) {
    if (std::isfinite(weight) && weight > 0) return weight;
    throw hal::PolicyError("weight of '" + scorer + "': is " + std::to_string(weight) +
                           "; it must be positive and finite");
}

// The caller's data. It stays the caller's until it is armed: a failure on the way there releases nothing.
struct Held {
    Held(void* data, void (*release)(void*)) : data(data), release(release) {}
    ~Held() {
        if (armed && release) release(data);
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    void* data;
    void (*release)(void*);
    bool armed = false;
};

template <class Unit>
Unit checked(const Unit* given_unit, const char* what) {
    const Unit unit = read(given_unit, what);
    hal::check(unit);
    return unit;
}

}  // namespace

std::shared_ptr<const hal::Policy> hal_policy::fixed() const {
    const std::lock_guard lock(mutex);
    if (!built) built = std::make_shared<const hal::Policy>(name, parts, filters, seed, tie_seed);
    return built;
}

int hal_policy_new(const hal_policy_options* options, hal_policy** out) {
    return guarded([&] {
        given(out, "out");
        const hal_policy_options in = options ? read(options, "options") : hal_policy_options{};
        auto policy = std::make_unique<hal_policy>();
        policy->name = in.name ? in.name : "policy";
        policy->seed = in.seed;
        policy->tie_seed = in.tie_seed;
        *out = policy.release();
    });
}

void hal_policy_free(hal_policy* policy) {
    delete policy;
}

int hal_policy_add_named(hal_policy* policy, const char* scorer, double weight, const hal_param* params,
                         size_t n_params) {
    return guarded([&] {
        const std::string name = text(scorer, "scorer");
        weight_of(name, weight);
        std::map<std::string, hal::ParamValue> values;
        each(params, n_params, "params", [&](const hal_param& param) {
            if (param.is_integer > 1) throw Misuse("param.is_integer: must be 0 or 1");
            const hal::ParamValue value = param.is_integer ? hal::ParamValue(param.integer) : param.real;
            if (!values.emplace(text(param.name, "param.name"), value).second)
                throw Misuse("params: '" + std::string(param.name) + "' is given twice");
        });
        hal::ScorerPtr made = hal::make_scorer(name, std::move(values));
        given(policy, "policy").change([&] { policy->parts.push_back({std::move(made), weight}); });
    });
}

int hal_policy_add_scorer(hal_policy* policy, const hal_scorer* scorer, double weight) {
    return guarded([&] {
        const hal_scorer unit = checked(scorer, "scorer");
        weight_of(unit.name, weight);
        const auto held = std::make_shared<Held>(unit.data, unit.release);
        hal::ScorerPtr made =
            hal::native_scorer(unit.name, unit.score, hal::NativeData(held, unit.data), unit.scope);
        given(policy, "policy").change([&] { policy->parts.push_back({std::move(made), weight}); });
        held->armed = true;
    });
}

int hal_policy_add_filter(hal_policy* policy, const hal_filter* filter) {
    return guarded([&] {
        const hal_filter unit = checked(filter, "filter");
        const auto held = std::make_shared<Held>(unit.data, unit.release);
        hal::FilterPtr made = hal::native_filter(unit.name, unit.keep, hal::NativeData(held, unit.data));
        given(policy, "policy").change([&] { policy->filters.push_back(std::move(made)); });
        held->armed = true;
    });
}

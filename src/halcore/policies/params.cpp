#include "halcore/policies/params.h"

#include "halcore/model/error.h"

namespace hal {

void Params::refuse(const std::string& key, const std::string& why) const {
    throw PolicyError("policy '" + owner_ + "': parameter '" + key + "' " + why);
}

const ParamValue* Params::find(const std::string& key) {
    known_.insert(key);
    auto it = values_.find(key);
    return it == values_.end() ? nullptr : &it->second;
}

double Params::number(const std::string& key, double fallback, double low, double high) {
    const ParamValue* value = find(key);
    if (!value) return fallback;
    double x = 0;
    if (const auto* i = std::get_if<std::int64_t>(value)) {
        x = static_cast<double>(*i);
    } else if (const auto* d = std::get_if<double>(value)) {
        x = *d;
    } else {
        refuse(key, "must be a number");
    }
    if (!(x >= low && x <= high)) {
        refuse(key, "is " + std::to_string(x) + "; it must be from " + std::to_string(low) + " to " +
                        std::to_string(high));
    }
    return x;
}

std::int64_t Params::integer(const std::string& key, std::int64_t fallback, std::int64_t low,
                             std::int64_t high) {
    const ParamValue* value = find(key);
    if (!value) return fallback;
    const auto* i = std::get_if<std::int64_t>(value);
    if (!i) refuse(key, "must be an integer");
    if (*i < low || *i > high) {
        refuse(key, "is " + std::to_string(*i) + "; it must be from " + std::to_string(low) + " to " +
                        std::to_string(high));
    }
    return *i;
}

void Params::finish() const {
    for (const auto& [key, value] : values_) {
        if (known_.contains(key)) continue;
        std::string list;
        for (const auto& k : known_) list += (list.empty() ? "" : ", ") + k;
        refuse(key, "is unknown; known are: " + (list.empty() ? "none" : list));
    }
}

}  // namespace hal

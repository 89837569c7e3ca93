#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "halcore/policies/typical.h"

namespace hal {

using ParamValue = std::variant<std::int64_t, double, std::string, TaskCounts>;

/// The parameters of a policy unit by name. Each getter checks type and range; finish() refuses what nobody
/// asked for.
class Params {
  public:
    Params(std::string owner, std::map<std::string, ParamValue> values)
        : owner_(std::move(owner)), values_(std::move(values)) {}

    double number(const std::string& key, double fallback, double low, double high);
    std::int64_t integer(const std::string& key, std::int64_t fallback, std::int64_t low, std::int64_t high);
    const ParamValue* find(const std::string& key);
    void finish() const;
    [[noreturn]] void refuse(const std::string& key, const std::string& why) const;

  private:
    std::string owner_;
    std::map<std::string, ParamValue> values_;
    std::set<std::string> known_;
};

}  // namespace hal

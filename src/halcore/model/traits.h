#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "halcore/model/spec.h"

namespace hal {

using TraitsId = std::uint32_t;

enum class RuleKind : std::uint8_t { Affinity, AntiAffinity, Spread };

/// A rule of a job towards tasks whose job has matching labels, by domain of a topology level.
/// Affinity: at least one of them in the domain. AntiAffinity: none of them, now or later. Spread: the domain
/// would have at most max_skew more of them than the domain that has fewest.
struct Rule {
    RuleKind kind = RuleKind::Affinity;
    std::string level;                  // of the topology; kNodeLevel: the node itself
    std::vector<Requirement> selector;  // of jobs by their labels, all must hold; empty: every job
    std::int32_t max_skew = 1;
    double weight = 0;  // 0: a must; else a wish of this weight against the policy's 1
    bool hard() const { return weight == 0; }
    friend auto operator<=>(const Rule&, const Rule&) = default;

    static constexpr const char* kNodeLevel = "node";
};

/// What a job is beside what it asks for. Apart from the shape, so that jobs of many queues and labels share
/// the scores of one shape.
struct TraitsSpec {
    std::string queue;
    std::vector<Label> labels;
    std::vector<Rule> rules;
    bool exclusive = false;  // its nodes run nothing of other jobs
    friend auto operator<=>(const TraitsSpec&, const TraitsSpec&) = default;
};

/// Throws InvalidModel naming the field and the value, also for rules that contradict each other; sorts what
/// has no order.
void validate(TraitsSpec& spec);

/// Whether a job of these labels is one that the selector means.
bool selects(const std::vector<Requirement>& selector, const TraitsSpec& traits);

}  // namespace hal

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hal::replay {

/// What is wrong with a line of a log. Broken lines carry no job; the others are loaded as they stand.
enum class SwfFault : std::uint8_t {
    TooFewFields,  // broken: fewer than 18 blank-separated fields
    NotANumber,    // broken: one of the 18 is no finite number, or does not fit 53 bits
    ExtraFields,   // loaded: text after the 18th field is ignored
    NegativeTime,  // loaded: a submit time below 0, or a wait, run or request below -1 (unknown)
};

struct SwfIssue {
    std::int64_t line;   // 1-based
    std::int32_t field;  // 1-based; the number of fields found for TooFewFields
    SwfFault fault;
};

/// A log in the Standard Workload Format (Parallel Workloads Archive, version 2.2), one vector a field.
///
/// Assumes nothing of the input. A line is skipped only if it is blank, a `;` header or broken, and a broken
/// line is an issue. Fractions in integer fields are cut off (some logs write average times). Cost: one pass.
struct SwfLog {
    static constexpr int kFields = 18;
    static constexpr int kCpuTime = 5;     // the two fields the format allows to be fractional
    static constexpr int kMemoryUsed = 6;  // (0-based)

    std::array<std::vector<std::int64_t>, kFields> columns;  // kCpuTime and kMemoryUsed stay empty
    std::vector<double> cpu_time;
    std::vector<double> memory_used;
    std::vector<std::string> headers;  // without the `;`, in file order
    std::vector<SwfIssue> issues;      // in line order
};

SwfLog parse_swf(std::string_view text);

}  // namespace hal::replay

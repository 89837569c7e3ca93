#include "halcore/replay/swf.h"

#include <charconv>
#include <cmath>

namespace hal::replay {
namespace {

constexpr double kExact = 9007199254740992.0;  // 2^53: integers beyond are no longer exact in a double

bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/// Next blank-separated word of `rest`, which it shortens; empty at the end.
std::string_view next_word(std::string_view& rest) {
    std::size_t begin = 0;
    while (begin < rest.size() && blank(rest[begin])) ++begin;
    std::size_t end = begin;
    while (end < rest.size() && !blank(rest[end])) ++end;
    const std::string_view word = rest.substr(begin, end - begin);
    rest.remove_prefix(end);
    return word;
}

bool to_number(std::string_view word, double& out) {
    // Nearly every field is a short integer: the general conversion costs five times as much.
    const bool negative = word.front() == '-';
    const std::string_view digits = word.substr(negative ? 1 : 0);
    if (!digits.empty() && digits.size() <= 15) {
        std::int64_t value = 0;
        bool plain = true;
        for (const char c : digits) {
            plain &= c >= '0' && c <= '9';
            value = value * 10 + (c - '0');
        }
        if (plain) {
            out = static_cast<double>(negative ? -value : value);
            return true;
        }
    }
    if (word.front() == '+') word.remove_prefix(1);
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
    return error == std::errc{} && end == word.data() + word.size() && std::abs(out) <= kExact;
}

struct Line {
    std::array<double, SwfLog::kFields> value;
    std::int32_t fields = 0;  // numbers read before the end or the first fault
    bool number_fault = false;
    bool extra = false;
};

Line read_line(std::string_view text) {
    Line line;
    while (line.fields < SwfLog::kFields) {
        const std::string_view word = next_word(text);
        if (word.empty()) return line;
        if (!to_number(word, line.value[line.fields])) {
            line.number_fault = true;
            return line;
        }
        ++line.fields;
    }
    line.extra = !next_word(text).empty();
    return line;
}

void report_negative_times(const Line& line, std::int64_t number, std::vector<SwfIssue>& issues) {
    constexpr std::array<std::pair<int, double>, 4> kLeast{{{1, 0.0}, {2, -1.0}, {3, -1.0}, {8, -1.0}}};
    for (const auto& [field, least] : kLeast)
        if (line.value[field] < least) issues.push_back({number, field + 1, SwfFault::NegativeTime});
}

}  // namespace

SwfLog parse_swf(std::string_view text) {
    SwfLog log;
    std::int64_t number = 0;
    while (!text.empty()) {
        const std::size_t length = std::min(text.find('\n'), text.size());
        std::string_view row = text.substr(0, length);
        text.remove_prefix(std::min(length + 1, text.size()));
        ++number;
        while (!row.empty() && blank(row.front())) row.remove_prefix(1);
        if (row.empty()) continue;
        if (row.front() == ';') {
            row.remove_prefix(1);
            while (!row.empty() && blank(row.back())) row.remove_suffix(1);
            log.headers.emplace_back(row);
            continue;
        }
        const Line line = read_line(row);
        if (line.number_fault) {
            log.issues.push_back({number, line.fields + 1, SwfFault::NotANumber});
            continue;
        }
        if (line.fields < SwfLog::kFields) {
            log.issues.push_back({number, line.fields, SwfFault::TooFewFields});
            continue;
        }
        if (line.extra) log.issues.push_back({number, SwfLog::kFields + 1, SwfFault::ExtraFields});
        report_negative_times(line, number, log.issues);
        for (int field = 0; field < SwfLog::kFields; ++field)
            if (field == SwfLog::kCpuTime)
                log.cpu_time.push_back(line.value[field]);
            else if (field == SwfLog::kMemoryUsed)
                log.memory_used.push_back(line.value[field]);
            else
                log.columns[field].push_back(static_cast<std::int64_t>(line.value[field]));
    }
    return log;
}

}  // namespace hal::replay

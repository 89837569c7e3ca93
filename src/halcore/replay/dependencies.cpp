#include "halcore/replay/dependencies.h"

#include <algorithm>
#include <string>

#include "halcore/model/error.h"

namespace hal::replay {
namespace {

void check(const DependencyColumns& columns, std::size_t jobs, std::size_t failed) {
    const std::size_t count = columns.row.size();
    if (columns.other.size() != count || columns.kind.size() != count || columns.delay.size() != count)
        throw InvalidModel("dependencies: the columns are not of one length");
    if (failed != 0 && failed != jobs)
        throw InvalidModel("failed has " + std::to_string(failed) + " entries for " + std::to_string(jobs) +
                           " jobs; give one a job");
    for (std::size_t i = 0; i < count; ++i) {
        const auto fail = [&](const std::string& what) {
            throw InvalidModel("dependency " + std::to_string(i) + ": " + what);
        };
        if (columns.row[i] >= jobs || columns.other[i] >= jobs) fail("names a row beyond the jobs");
        if (columns.kind[i] > static_cast<std::uint8_t>(After::Start)) fail("is of an unknown kind");
        if (columns.delay[i] < 0 || columns.delay[i] > kMaxDuration)
            fail("delay is " + std::to_string(columns.delay[i]) + " s; give 0 to " +
                 std::to_string(kMaxDuration));
    }
}

}  // namespace

Dependencies::Dependencies(const DependencyColumns& columns, std::span<const Seconds> submit,
                           std::span<const std::uint8_t> failed)
    : failed_(failed) {
    check(columns, submit.size(), failed.size());
    if (columns.row.empty()) return;
    const std::size_t jobs = submit.size();
    first_.assign(jobs + 1, 0);
    pending_.assign(jobs, 0);
    depends_.assign(jobs, 0);
    is_dropped_.assign(jobs, 0);
    earliest_.assign(submit.begin(), submit.end());
    for (const std::uint32_t other : columns.other) ++first_[other + 1];
    for (std::size_t row = 0; row < jobs; ++row) first_[row + 1] += first_[row];
    links_.resize(columns.row.size());
    std::vector<std::size_t> at(first_.begin(), first_.end() - 1);
    for (std::size_t i = 0; i < columns.row.size(); ++i) {
        const std::uint32_t row = columns.row[i];
        links_[at[columns.other[i]]++] = {row, static_cast<After>(columns.kind[i]), columns.delay[i]};
        depends_[row] = 1;
        ++pending_[row];
    }
}

void Dependencies::tell(Seconds now, std::uint32_t row, Event event) {
    std::vector<std::uint32_t> never;  // found to never run, their followers not told yet
    for (;;) {
        for (std::size_t i = first_[row]; i < first_[row + 1]; ++i) follow(now, links_[i], event, never);
        if (never.empty()) return;
        row = never.back();
        event = Event::Dropped;
        never.pop_back();
    }
}

void Dependencies::follow(Seconds now, const Link& link, Event event, std::vector<std::uint32_t>& never) {
    const bool bad = event == Event::Failed || event == Event::Dropped;
    const bool met = link.kind == After::Start ? event == Event::Started
                     : link.kind == After::Any ? event != Event::Started
                                               : event == Event::Ended;
    const bool lost = link.kind == After::Start ? event == Event::Dropped : link.kind == After::Ok && bad;
    if (is_dropped_[link.row]) return;
    if (met) {
        earliest_[link.row] = std::max(earliest_[link.row], now + link.delay);
        if (--pending_[link.row] == 0) ready_.push({earliest_[link.row], link.row});
    } else if (lost) {
        is_dropped_[link.row] = 1;
        ++dropped_;
        never.push_back(link.row);
    }
}

}  // namespace hal::replay

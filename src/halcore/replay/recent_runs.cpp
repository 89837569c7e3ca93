#include "halcore/replay/recent_runs.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace hal::replay {
namespace {

// How votes lose weight, in ln unless said otherwise. Chosen one after another on KTH-SP2 and SDSC-SP2.
constexpr double kNext = 0.9;     // factor from one run to the one before it
constexpr double kFloor = 0.12;   // and the least such factor
constexpr double kRequest = 2.0;  // for each factor e between requests, up to e²
constexpr double kOtherRequest = 0.5;
constexpr double kProcs = 1.5;  // for each factor 2 between sizes, up to 4
constexpr double kFarthest = 2.0;
constexpr double kLast = 0.3;  // for each factor e between the runs before, up to e
constexpr double kSame = 0.4;
constexpr double kHours = 1.5;  // with age: half of it after 5,000 s,
constexpr double kHalfHours = 5e3;
constexpr double kWeeks = 1.0;  // and half of this after 12 days
constexpr double kHalfWeeks = 1e6;
constexpr double kOutlived = 2.0;  // for each job like this one that has been running for longer
constexpr double kOtherOutlived = 0.5;
constexpr double kRequestVotes = 0.01;  // weight of the request's own vote
constexpr double kCutOff = 0.98;        // of its request: the job was stopped, or would have been
constexpr double kTie = 1e-9;           // relative; within it the shorter runtime is taken

double length(Seconds seconds) {
    return static_cast<double>(std::max<Seconds>(1, seconds));
}

struct Vote {
    double run;
    double weight;
};

RecentRuns::Likeliest count(std::span<Vote> votes) {
    std::sort(votes.begin(), votes.end(), [](const Vote& a, const Vote& b) { return a.run < b.run; });
    // Sums over shorter and over longer runs, so that each runtime's votes follow from its neighbour's.
    double total = 0.0;
    double longer = 0.0;  // sum of weight / sqrt(run)
    for (const Vote& vote : votes) {
        total += vote.weight;
        longer += vote.weight / std::sqrt(vote.run);
    }
    double shorter = 0.0;  // sum of weight · sqrt(run)
    double most = 0.0;
    double best = 1.0;
    for (const Vote& vote : votes) {
        const double root = std::sqrt(vote.run);
        shorter += vote.weight * root;
        longer -= vote.weight / root;
        const double sum = shorter / root + root * longer;
        if (sum > most * (1.0 + kTie)) most = sum, best = vote.run;
    }
    return {best, most / total, total};
}

}  // namespace

RecentRuns::Context RecentRuns::context(const JobSpec& job) const {
    if (runs_.empty()) {
        const double request = std::log(length(job.requested));
        return {request, request};
    }
    const double last = newest(0).log_run;
    for (std::size_t back = 0; back < runs_.size(); ++back)
        if (newest(back).requested == job.requested && newest(back).procs == job.procs)
            return {last, newest(back).log_run};
    return {last, last};
}

RecentRuns::Likeliest RecentRuns::likeliest(const JobSpec& job, const Context& context, Seconds now,
                                            std::span<const UnderWay> running) const {
    const double request = length(job.requested);
    if (runs_.empty()) return {request, 0.0, 0.0};
    const double log_request = std::log(request);
    const double log_procs = std::log2(job.procs);
    std::array<Vote, kDepth + 1> votes;
    double recency = 1.0;
    for (std::size_t back = 0; back < runs_.size(); ++back) {
        const Run& past = newest(back);
        const double age = static_cast<double>(std::max<Seconds>(0, now - past.end));
        double apart = kRequest * std::min(kFarthest, std::abs(past.log_requested - log_request)) +
                       kProcs * std::min(kFarthest, std::abs(past.log_procs - log_procs)) +
                       kLast * std::min(1.0, std::abs(past.context.last - context.last)) +
                       kSame * std::min(1.0, std::abs(past.context.same - context.same)) +
                       kHours * age / (age + kHalfHours) + kWeeks * age / (age + kHalfWeeks);
        if (past.requested != job.requested) apart += kOtherRequest;
        const bool cut_off = past.run >= kCutOff * length(past.requested);
        const double run = cut_off ? request : std::min(past.run, request);
        for (const UnderWay& other : running) {
            if (static_cast<double>(now - other.start) <= run) continue;
            const bool alike = other.requested == job.requested && other.procs == job.procs;
            apart += alike ? kOutlived : kOtherOutlived;
        }
        votes[back] = {run, std::max(recency, kFloor) * std::exp(-apart)};
        recency *= kNext;
    }
    votes[runs_.size()] = {request, kRequestVotes};
    return count(std::span(votes).first(runs_.size() + 1));
}

void RecentRuns::add(const JobSpec& job, const Context& context, Seconds now, Seconds run) {
    const Run past{length(run),
                   std::log(length(run)),
                   std::log(length(job.requested)),
                   std::log2(job.procs),
                   context,
                   now,
                   job.requested,
                   job.procs};
    if (runs_.size() < kDepth) {
        runs_.push_back(past);
    } else {
        runs_[next_] = past;
        next_ = (next_ + 1) % kDepth;
    }
}

}  // namespace hal::replay

#include "halcore/replay/recent_runs.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace hal::replay {
namespace {

// How votes lose weight, in ln. Fitted together on KTH-SP2 and SDSC-SP2, by gradients of the share of votes
// that went to runtimes like the job's own.
constexpr double kRequest = 1.6;  // for each factor e between requests, up to e²
constexpr double kOtherRequest = 0.3;
constexpr double kProcs = 0.6;        // for each factor 2 between sizes, up to 16
constexpr double kUnlike = 0.7;       // the request or the size differs
constexpr double kSame = 0.7;         // for each factor e between the runs before of that kind, up to e
constexpr double kSinceEnd = 0.2;     // for each factor e between the times since an end, up to e²,
constexpr double kSinceSubmit = 0.1;  // and since a submission
constexpr double kAge = 1.2;          // half of it after
constexpr double kHalfAge = 5e3;      // seconds
constexpr double kRank = 0.3;         // times ln(1 + runs since), of the user,
constexpr double kRankAlike = 0.4;    // and of those, with this request and size
constexpr double kNumber = 0.3;       // times ln(1 + submissions since)
constexpr double kOutlived = 1.5;     // for each job like this one that has been running for longer
constexpr double kOtherOutlived = 0.2;
constexpr double kTooLong = 1.1;       // ran for longer than this job may
constexpr double kWasCutOff = -0.5;    // those who reached their limit once do so again
constexpr double kRequestVotes = 4.8;  // the request's own vote
constexpr double kStranger = 6.0;      // another user's run
constexpr double kCutOff = 0.98;       // of its request: the job was stopped, or would have been
constexpr double kTie = 1e-9;          // relative; within it the shorter runtime is taken

double length(Seconds seconds) {
    return static_cast<double>(std::max<Seconds>(1, seconds));
}

double log_since(Seconds now, Seconds then) {
    return std::log1p(static_cast<double>(std::max<Seconds>(0, now - then)));
}

double apart_up_to(double most, double a, double b) {
    return std::min(most, std::abs(a - b));
}

double log_of_one_more(std::size_t n) {
    static const auto logs = [] {
        std::array<double, RecentRuns::kDepth> logs;
        for (std::size_t i = 0; i < logs.size(); ++i) logs[i] = std::log1p(static_cast<double>(i));
        return logs;
    }();
    return logs[n];
}

struct Vote {
    double run;
    double weight;
};

RecentRuns::Likeliest most_votes(std::span<Vote> votes) {
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

RecentRuns::Context RecentRuns::context(const JobSpec& job, Seconds now, Seconds last_submit,
                                        std::uint32_t number) const {
    Context context{0.0, 0.0, last_submit < 0 ? 0.0 : log_since(now, last_submit), number};
    if (runs_.empty()) {
        context.same = std::log(length(job.requested));
        return context;
    }
    context.since_end = log_since(now, newest(0).end);
    context.same = newest(0).log_run;
    for (std::size_t back = 0; back < runs_.size(); ++back)
        if (newest(back).requested == job.requested && newest(back).procs == job.procs) {
            context.same = newest(back).log_run;
            break;
        }
    return context;
}

RecentRuns::Likeliest RecentRuns::likeliest(const JobSpec& job, const Context& context, Seconds now,
                                            std::span<const UnderWay> running,
                                            std::span<const Other> others) const {
    const double request = length(job.requested);
    if (runs_.empty()) return {request, 0.0, 0.0};
    const double log_request = std::log(request);
    const double log_procs = std::log2(job.procs);
    const auto outlived = [&](double run) {
        double apart = 0.0;
        for (const UnderWay& other : running) {
            if (static_cast<double>(now - other.start) <= run) continue;
            const bool alike = other.requested == job.requested && other.procs == job.procs;
            apart += alike ? kOutlived : kOtherOutlived;
        }
        return apart;
    };
    std::array<Vote, kDepth + 1 + kOthers> votes;
    std::size_t newer_alike = 0;
    for (std::size_t back = 0; back < runs_.size(); ++back) {
        const Run& past = newest(back);
        const double age = static_cast<double>(std::max<Seconds>(0, now - past.end));
        double apart = kRequest * apart_up_to(2.0, past.log_requested, log_request) +
                       kProcs * apart_up_to(4.0, past.log_procs, log_procs) +
                       kSame * apart_up_to(1.0, past.context.same, context.same) +
                       kSinceEnd * apart_up_to(2.0, past.context.since_end, context.since_end) +
                       kSinceSubmit * apart_up_to(2.0, past.context.since_submit, context.since_submit) +
                       kAge * age / (age + kHalfAge) + kRank * log_of_one_more(back) +
                       kNumber * std::log1p(context.number - past.context.number);
        if (past.requested != job.requested) apart += kOtherRequest;
        if (past.requested == job.requested && past.procs == job.procs)
            apart += kRankAlike * log_of_one_more(newer_alike++);
        else
            apart += kUnlike;
        double run = std::min(past.run, request);
        if (past.run >= kCutOff * length(past.requested))
            run = request, apart += kWasCutOff;
        else if (past.run > request)
            apart += kTooLong;
        votes[back] = {run, std::exp(-apart - outlived(run))};
    }
    std::size_t count = runs_.size();
    votes[count++] = {request, std::exp(-kRequestVotes)};
    for (const Other& other : others) {
        const double run = other.run >= kCutOff * request ? request : other.run;
        const double apart = kStranger + kProcs * apart_up_to(4.0, other.log_procs, log_procs);
        votes[count++] = {run, std::exp(-apart - outlived(run))};
    }
    return most_votes(std::span(votes).first(count));
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

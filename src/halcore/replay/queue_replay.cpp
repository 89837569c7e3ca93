#include "halcore/replay/queue_replay.h"

#include <queue>
#include <string>
#include <utility>

#include "halcore/model/error.h"

namespace hal::replay {
namespace {

struct End {
    Seconds at;
    std::uint32_t sequence;  // of the start
    JobId job;
    friend bool operator>(const End& a, const End& b) {
        // Without a branch, which would be mispredicted at every level of the heap.
        return (a.at > b.at) | ((a.at == b.at) & (a.sequence > b.sequence));
    }
};

void check_columns(const LogColumns& log) {
    const std::size_t count = log.submit.size();
    const auto check = [&](const char* name, std::size_t size, bool optional) {
        if (size != count && !(optional && size == 0))
            throw InvalidModel(std::string(name) + " has " + std::to_string(size) + " entries for " +
                               std::to_string(count) + " jobs; give one a job");
    };
    check("run", log.run.size(), false);
    check("procs", log.procs.size(), false);
    check("requested", log.requested.size(), false);
    check("user", log.user.size(), true);
    check("priority", log.priority.size(), true);
    check("given prediction", log.given.size(), true);
    check("prediction for filling", log.fill.size(), true);
    check("prediction for ranking", log.rank.size(), true);
    if (count >= std::numeric_limits<JobId>::max()) throw InvalidModel("more than 4 billion jobs in one log");
    for (std::size_t i = 0; i < count; ++i)
        if (log.submit[i] < (i ? log.submit[i - 1] : 0) || log.submit[i] > kNever / 4)
            throw InvalidModel("submit[" + std::to_string(i) + "] is " + std::to_string(log.submit[i]) +
                               "; submit times must be at least 0 and in order");
}

JobSpec spec_of(const LogColumns& log, std::size_t i) {
    JobSpec spec;
    spec.run = log.run[i];
    spec.requested = log.requested[i];
    spec.procs = log.procs[i];
    if (!log.user.empty()) spec.user = log.user[i];
    if (!log.priority.empty()) spec.priority = log.priority[i];
    if (!log.given.empty())
        spec.given = {log.given[i], log.fill.empty() ? log.given[i] : log.fill[i],
                      log.rank.empty() ? log.given[i] : log.rank[i]};
    return spec;
}

}  // namespace

ReplayResult replay_queue(const LogColumns& log, QueueParts parts) {
    check_columns(log);
    parts.runs_known = true;
    QueueEngine engine(std::move(parts));
    engine.reserve(log.submit.size());
    std::priority_queue<End, std::vector<End>, std::greater<>> ends;
    std::uint32_t sequence = 0;
    std::size_t next = 0;
    const std::size_t count = log.submit.size();
    while (next < count || !ends.empty() || engine.next_wake() != kNever) {
        const Seconds submit = next < count ? log.submit[next] : kNever;
        const Seconds end = ends.empty() ? kNever : ends.top().at;
        if (engine.next_wake() < std::min(submit, end)) {
            engine.tick(engine.next_wake());
        } else if (submit <= end) {
            engine.submit(submit, spec_of(log, next));
            ++next;
        } else {
            const JobId job = ends.top().job;
            ends.pop();
            engine.finish(end, job);
        }
        for (const JobId job : engine.started())
            ends.push({engine.state().now() + log.run[job], sequence++, job});
    }
    ReplayResult result;
    result.start.reserve(count);
    result.promise.reserve(count);
    result.first_guess.reserve(count);
    for (const JobRecord& record : engine.state().jobs()) {
        result.promise.push_back(engine.promise(static_cast<JobId>(result.start.size())));
        result.start.push_back(record.start);
        result.first_guess.push_back(record.first_guess);
    }
    return result;
}

}  // namespace hal::replay

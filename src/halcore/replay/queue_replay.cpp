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
    spec.row = static_cast<std::uint32_t>(i);
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
    Dependencies after(log.after, log.submit, log.failed);
    std::priority_queue<End, std::vector<End>, std::greater<>> ends;
    std::uint32_t sequence = 0;
    const std::size_t count = log.submit.size();
    const auto independent = [&](std::size_t row) {
        while (row < count && after.has(static_cast<std::uint32_t>(row))) ++row;
        return row;
    };
    std::size_t next = independent(0);
    while (next < count || !ends.empty() || !after.none_ready() || engine.next_wake() != kNever) {
        std::size_t row = next;
        Seconds submit = next < count ? log.submit[next] : kNever;
        if (!after.none_ready() && (next == count || next > after.next().row ? after.next().at <= submit
                                                                             : after.next().at < submit)) {
            row = after.next().row;
            submit = after.next().at;
        }
        const Seconds end = ends.empty() ? kNever : ends.top().at;
        if (engine.next_wake() < std::min(submit, end)) {
            engine.tick(engine.next_wake());
        } else if (submit <= end) {
            engine.submit(submit, spec_of(log, row));
            if (row == next)
                next = independent(next + 1);
            else
                after.pop();
        } else {
            const JobId job = ends.top().job;
            ends.pop();
            engine.finish(end, job);
            after.ended(end, engine.state().jobs()[job].row);
        }
        for (const JobId job : engine.started()) {
            const JobRecord& record = engine.state().jobs()[job];
            ends.push({record.start + record.run, sequence++, job});
            after.started(record.start, record.row);
        }
    }
    if (engine.state().jobs().size() + after.dropped() != count)
        throw InvalidModel("dependencies: jobs wait for each other in a circle");
    ReplayResult result;
    for (auto* column : {&result.start, &result.entered, &result.promise, &result.first_guess})
        column->assign(count, -1);
    JobId job = 0;
    for (const JobRecord& record : engine.state().jobs()) {
        result.start[record.row] = record.start;
        result.entered[record.row] = record.submit;
        result.promise[record.row] = engine.promise(job++);
        result.first_guess[record.row] = record.first_guess;
    }
    return result;
}

}  // namespace hal::replay

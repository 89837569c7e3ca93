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

/// One replay: what is to happen, and what has.
class Replay {
  public:
    Replay(const LogColumns& log, QueueParts parts, Outages* outages)
        : log_(log),
          count_(log.submit.size()),
          engine_(std::move(parts)),
          after_(log.after, log.submit, log.failed),
          outages_(outages),
          next_(independent(0)) {
        engine_.reserve(count_);
    }

    ReplayResult run() {
        while (next_ < count_ || !ends_.empty() || !after_.none_ready() || engine_.next_wake() != kNever ||
               strikes_next(kNever))
            step();
        // What waits for ever for lost nodes is in nobody's circle.
        if (engine_.state().queue().empty() &&
            engine_.state().jobs().size() - again_.size() + after_.dropped() != count_)
            throw InvalidModel("dependencies: jobs wait for each other in a circle");
        return result();
    }

  private:
    struct Again {
        JobSpec spec;
        std::uint32_t origin;
    };

    std::size_t independent(std::size_t row) const {
        while (row < count_ && after_.has(static_cast<std::uint32_t>(row))) ++row;
        return row;
    }
    bool strikes_next(Seconds others) const {
        // When all has ended nodes may fail as they like.
        return outages_ && outages_->next() < others &&
               (others != kNever || !engine_.state().queue().empty());
    }
    std::uint32_t origin(std::uint32_t row) const { return row < count_ ? row : again_[row - count_].origin; }

    void step() {
        std::size_t row = next_;
        Seconds submit = next_ < count_ ? log_.submit[next_] : kNever;
        if (!after_.none_ready() &&
            (next_ == count_ || next_ > after_.next().row ? after_.next().at <= submit
                                                          : after_.next().at < submit)) {
            row = after_.next().row;
            submit = after_.next().at;
        }
        const Seconds end = ends_.empty() ? kNever : ends_.top().at;
        const Seconds wake = engine_.next_wake();
        if (strikes_next(std::min({submit, end, wake}))) {
            strike();
        } else if (wake < std::min(submit, end)) {
            engine_.tick(wake);
            take_started();
        } else if (submit <= end) {
            engine_.submit(submit, spec_of(log_, row));
            if (row == next_)
                next_ = independent(next_ + 1);
            else
                after_.pop();
            take_started();
        } else {
            this->end(end);
        }
    }

    void end(Seconds now) {
        const JobId job = ends_.top().job;
        ends_.pop();
        if (!engine_.state().jobs()[job].runs()) return;  // stopped before
        engine_.finish(now, job);
        after_.ended(now, origin(engine_.state().jobs()[job].row));
        take_started();
    }

    void strike() {
        const Seconds now = outages_->next();
        std::vector<JobId> stopped;
        for (const std::uint32_t row : outages_->strike()) stopped.push_back(job_of_row_[row]);
        if (stopped.empty()) {
            engine_.tick(now);
            take_started();
        }
        for (const JobId job : stopped) {
            engine_.stop(now, job);
            take_started();
        }
        for (const JobId job : stopped) {
            const JobRecord record = engine_.state().jobs()[job];
            JobSpec spec = record;
            outages_->again(record.row, now - record.start, spec);
            again_.push_back({spec, origin(record.row)});
            engine_.submit(now, spec);
            take_started();
        }
    }

    void take_started() {
        for (const JobId job : engine_.started()) {
            const JobRecord& record = engine_.state().jobs()[job];
            ends_.push({record.start + record.run, sequence_++, job});
            if (outages_) {
                if (job_of_row_.size() <= record.row) job_of_row_.resize(record.row + 1);
                job_of_row_[record.row] = job;
            }
            if (record.row < count_) after_.started(record.start, record.row);
        }
    }

    ReplayResult result() const {
        ReplayResult result;
        for (auto* column : {&result.start, &result.entered, &result.promise, &result.first_guess})
            column->assign(count_ + again_.size(), -1);
        result.run.assign(log_.run.begin(), log_.run.end());
        result.requested.assign(log_.requested.begin(), log_.requested.end());
        for (std::uint32_t row = 0; row < count_; ++row) result.origin.push_back(row);
        for (const Again& again : again_) {
            result.run.push_back(again.spec.run);
            result.requested.push_back(again.spec.requested);
            result.origin.push_back(again.origin);
        }
        JobId job = 0;
        for (const JobRecord& record : engine_.state().jobs()) {
            result.start[record.row] = record.start;
            result.entered[record.row] = record.submit;
            result.promise[record.row] = engine_.promise(job++);
            result.first_guess[record.row] = record.first_guess;
            if (record.end >= 0) result.run[record.row] = record.end - record.start;
        }
        return result;
    }

    const LogColumns& log_;
    std::size_t count_;
    QueueEngine engine_;
    Dependencies after_;
    Outages* outages_;
    std::size_t next_;
    std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
    std::uint32_t sequence_ = 0;
    std::vector<Again> again_;       // by row beyond the log's
    std::vector<JobId> job_of_row_;  // that started last; only where there are outages
};

}  // namespace

ReplayResult replay_queue(const LogColumns& log, QueueParts parts, Outages* outages) {
    check_columns(log);
    parts.runs_known = true;
    return Replay(log, std::move(parts), outages).run();
}

}  // namespace hal::replay

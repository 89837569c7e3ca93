#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "halcore/replay/job_table.h"

namespace hal::replay {

/// The last runs of one user, and which of them the next one is likeliest to resemble.
///
/// Every run that has ended votes for runtimes like its own, by sqrt(min(x, y) / max(x, y)); the answer is
/// the one with the most votes. A run counts for more if it is recent, was asked for with a like request and
/// size, and was submitted in like circumstances: after a like run of its kind, as long after the user's last
/// submission and end. It counts for less when jobs of the user have been running for longer than it took:
/// what is under way now goes on for longer. A run that was cut off at its limit votes for the new request.
/// Runs of other users who asked for the same time have votes too, for those of whom little is known.
/// Votes, and not a mean, because between two kinds of jobs lies no job.
class RecentRuns {
  public:
    static constexpr std::size_t kDepth = 96;
    static constexpr std::size_t kOthers = 16;

    /// What was known at a job's submission of what came before it. Without a run the request stands for it.
    struct Context {
        double same;           // ln of the last run with the same request and size, else of the last run
        double since_end;      // ln(1 + seconds) since a run of the user ended, and since the user submitted;
        double since_submit;   // 0 for the first
        std::uint32_t number;  // among the user's jobs
    };
    struct UnderWay {
        Seconds start;
        Seconds requested;
        std::int32_t procs;
    };
    struct Other {  // a run of another user with the same request
        double run;
        double log_procs;
    };
    struct Likeliest {
        double run;       // seconds
        double likeness;  // 0 to 1: how much the runs resemble it
        double weight;    // how many runs there are, by what they count
    };

    /// `last_submit` is -1 for the user's first job.
    Context context(const JobSpec& job, Seconds now, Seconds last_submit, std::uint32_t number) const;
    /// O(kDepth log kDepth). Without runs the request. `running` are the user's newest few, `others` at most
    /// kOthers.
    Likeliest likeliest(const JobSpec& job, const Context& context, Seconds now,
                        std::span<const UnderWay> running, std::span<const Other> others) const;
    void add(const JobSpec& job, const Context& context, Seconds now, Seconds run);
    bool empty() const { return runs_.empty(); }

  private:
    struct Run {
        double run;  // seconds
        double log_run;
        double log_requested;
        double log_procs;
        Context context;
        Seconds end;
        Seconds requested;
        std::int32_t procs;
    };

    const Run& newest(std::size_t back) const {
        return runs_[(next_ + runs_.size() - 1 - back) % runs_.size()];
    }

    std::vector<Run> runs_;  // a ring, once full
    std::size_t next_ = 0;
};

}  // namespace hal::replay

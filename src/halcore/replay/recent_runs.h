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
/// size, and was submitted when the runs before it had been like those before this job: users go through
/// phases, and repeat sequences. It counts for less when jobs of the user have been running for longer than
/// it took: what is under way now goes on for longer. A run that was cut off at its limit votes for the new
/// request. Votes, and not a mean, because between two kinds of jobs lies no job.
class RecentRuns {
  public:
    static constexpr std::size_t kDepth = 96;

    /// What was known at a job's submission of the runs before it: ln of the last to end, and of the last
    /// with the same request and size. The request stands for what is missing.
    struct Context {
        double last;
        double same;
    };
    struct UnderWay {
        Seconds start;
        Seconds requested;
        std::int32_t procs;
    };
    struct Likeliest {
        double run;       // seconds
        double likeness;  // 0 to 1: how much the runs resemble it
        double weight;    // how many runs there are, by what they count
    };

    Context context(const JobSpec& job) const;
    /// O(kDepth log kDepth). Without runs the request. `running` are the user's newest few.
    Likeliest likeliest(const JobSpec& job, const Context& context, Seconds now,
                        std::span<const UnderWay> running) const;
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

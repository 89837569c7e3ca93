#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "halcore/replay/job_table.h"
#include "halcore/replay/recent_runs.h"

namespace hal::replay {

/// What is known of a job at the moment of its submission, as a row of numbers for a model to learn from, and
/// the rows of the jobs that have ended since.
///
/// Uses nothing but what it was told: requests at submissions, starts, and runtimes at ends. Histories are
/// kept by user, and by user with the same request, the same size, or both. Runtimes are ln(max(run, 1)) and,
/// but for the anchor, differences to it. Nothing is missing: what is not known yet is the anchor itself.
///
/// The *anchor* is the runtime, among the user's last, that the next is likeliest to resemble: see
/// `RecentRuns`. Without a history it is the request. Memory is linear in users, classes, requests and live
/// jobs.
class JobHistory {
  public:
    static constexpr std::size_t kBase = 13;
    static constexpr std::size_t kByClass = 9;
    static constexpr std::size_t kClasses = 4;
    static constexpr std::size_t kFeatures = kBase + kByClass * kClasses;
    using Row = std::array<float, kFeatures>;

    /// Keeps the rows of the `memory` jobs that ended last.
    explicit JobHistory(std::size_t memory);

    /// The features of a job; it is remembered until `finished` or `withdrawn`.
    const Row& submitted(JobId job, Seconds now, const JobSpec& spec);
    void started(JobId job, Seconds now);
    void finished(JobId job, Seconds now, Seconds run);
    /// The job will not start, or was stopped before its end: nothing is learned from it.
    void withdrawn(JobId job);

    /// Whether jobs of the user have ended; before that there is nothing to learn from.
    bool knows(std::int32_t user) const { return users_.contains(user) && !users_.at(user).past.empty(); }

    /// Jobs that have ended, ever, and the rows kept of the last of them, oldest first.
    std::uint64_t ended() const { return ended_; }
    std::size_t kept() const { return samples_.size(); }
    void copy_samples(std::span<float> rows, std::span<Seconds> run, std::span<Seconds> requested) const;

    static const std::array<const char*, kBase>& base_names();
    static const std::array<const char*, kByClass>& class_names();
    static const std::array<const char*, kClasses>& classes();

  private:
    struct Class {
        std::array<float, 16> recent;  // ln runtimes, a ring
        std::uint32_t count = 0;
        float mean = 0.0F;  // exponentially weighted, as is the variance
        float variance = 0.0F;
        Seconds last_end = 0;
    };
    struct User {
        RecentRuns past;
        Seconds last_submit = -1;
        Seconds last_requested = 0;
        std::int32_t last_procs = 0;
        std::map<JobId, RecentRuns::UnderWay> running;
        std::uint32_t waiting = 0;
        std::uint32_t submissions = 0;
    };
    struct Asked {
        RecentRuns::Other run;
        std::int32_t user;
    };
    struct Live {
        Row row;
        JobSpec spec;
        RecentRuns::Context context;
        bool runs = false;
    };
    struct Sample {
        Row row;
        Seconds run;
        Seconds requested;
    };

    static std::array<std::uint64_t, kClasses> keys(const JobSpec& spec);
    RecentRuns::Likeliest anchor(const User& user, const Live& live, Seconds now) const;
    static void describe(const Class* known, double anchor, double request, Seconds now,
                         std::span<float> out);

    std::size_t memory_;
    std::uint64_t ended_ = 0;
    std::unordered_map<std::int32_t, User> users_;               // the maps are looked up, never iterated
    std::unordered_map<std::uint64_t, Class> classes_;           // by hash; a collision mixes two histories
    std::unordered_map<Seconds, std::deque<Asked>> by_request_;  // the last runs that asked for so long
    std::unordered_map<JobId, Live> live_;
    std::vector<Sample> samples_;  // a ring
};

}  // namespace hal::replay

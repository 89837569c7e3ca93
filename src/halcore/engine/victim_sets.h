#pragma once

#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "halcore/engine/room_bound.h"
#include "halcore/engine/victims.h"

namespace hal {

/// The cheapest set of whole jobs, wherever they run, without which something works: for what depends on more
/// than one node, where VictimSearch does not see far enough (rules, quotas, gangs and their levels).
///
/// Branch and bound, for one number of jobs and one highest priority after the other: of what is open the
/// part whose lower bound (RoomBound, and the cheapest jobs to make up the number) is least is split on a job
/// that the bound takes. Nothing is assumed of `works` but that it needs the room that the bound counts, not
/// even that a larger set works where a smaller does. Exact unless the effort runs out, which is counted, not
/// timed.
class VictimSets {
  public:
    struct Candidate {
        JobId job = kNoJob;
        std::int32_t priority = 0;
        std::int64_t lost = 0, tasks = 0;  // when all of it stops
    };
    using Works = std::function<bool(const std::vector<JobId>&)>;  // by id

    static bool cheaper(const Candidate& a, const Candidate& b);
    /// Candidates in the order of cheaper(); the bound's jobs are these. `effort`: sets tried at most.
    VictimSets(std::vector<Candidate> candidates, RoomBound& bound, std::int64_t effort);

    /// The cheapest set that works below a cost.
    std::optional<std::vector<JobId>> cheapest(const VictimCost& below, const Works& works);
    /// Whether cheapest() looked at all that it had to.
    bool complete() const { return complete_; }

  private:
    using State = RoomBound::State;
    using Rest = std::array<std::int64_t, 3>;  // priorities, work lost, tasks, in RoomBound::kParts
    struct Part {                              // of the sets of one size
        Rest least{};
        std::int64_t number = 0;
        std::vector<State> states;
        std::vector<std::uint32_t> bound;  // jobs that the bound takes
        bool operator<(const Part& other) const {
            return least != other.least ? least < other.least : number < other.number;
        }
    };

    bool few_enough() const;
    void search(std::int64_t jobs, std::int32_t worst);
    std::optional<Part> part(std::vector<State> states, std::int64_t jobs);
    void try_set(const std::vector<std::uint32_t>& set);
    bool below_limit(std::int64_t jobs, std::int32_t worst, const Rest& least) const;
    VictimCost cost(const std::vector<std::uint32_t>& set) const;

    std::vector<Candidate> candidates_;
    RoomBound& bound_;
    std::int64_t effort_, tries_ = 0, steps_ = 0, parts_ = 0;
    bool complete_ = true;
    const Works* works_ = nullptr;
    VictimCost limit_;
    std::optional<std::vector<JobId>> best_;
    std::set<std::vector<std::uint32_t>> tried_;
};

}  // namespace hal

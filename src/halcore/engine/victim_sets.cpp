#include "halcore/engine/victim_sets.h"

#include <algorithm>
#include <tuple>

namespace hal {
namespace {

constexpr std::int64_t kStepsATry = 64;  // parts that cost about as much to look at as one set to try
constexpr std::int64_t kWorkAStep = 64;  // of the bound; as much as jobs to copy
constexpr std::int64_t kMostLost = std::int64_t{1} << 36;  // sums of it in parts stay within 64 bits

}  // namespace

bool VictimSets::cheaper(const Candidate& a, const Candidate& b) {
    return std::tie(a.priority, a.lost, a.tasks, a.job) < std::tie(b.priority, b.lost, b.tasks, b.job);
}

VictimSets::VictimSets(std::vector<Candidate> candidates, RoomBound& bound, std::int64_t effort)
    : candidates_(std::move(candidates)), bound_(bound), effort_(effort) {}

// Whether all sets of any size may be tried.
bool VictimSets::few_enough() const {
    return candidates_.size() < 62 && (std::int64_t{1} << candidates_.size()) <= effort_;
}

VictimCost VictimSets::cost(const std::vector<std::uint32_t>& set) const {
    VictimCost sum;
    for (const std::uint32_t j : set) {
        const Candidate& c = candidates_[j];
        ++sum.jobs;
        sum.worst = std::max<std::int64_t>(sum.worst, c.priority);
        sum.priorities += c.priority;
        sum.lost += c.lost;
        sum.tasks += c.tasks;
    }
    return sum;
}

std::optional<std::vector<JobId>> VictimSets::cheapest(const VictimCost& below, const Works& works) {
    works_ = &works;
    limit_ = below;
    best_.reset();
    tries_ = steps_ = parts_ = 0;
    tried_.clear();
    // With nothing known every set may have to be refuted.
    complete_ = (below.jobs <= static_cast<std::int64_t>(candidates_.size()) || few_enough()) &&
                std::all_of(candidates_.begin(), candidates_.end(),
                            [](const Candidate& c) { return c.lost <= kMostLost; });
    if (!complete_ || candidates_.empty()) return std::nullopt;
    const auto root = bound_.least(std::vector<State>(candidates_.size(), State::Open));
    if (!root.possible) return std::nullopt;
    const std::int64_t least =
        std::max<std::int64_t>(1, (root.least[0] + RoomBound::kParts - 1) / RoomBound::kParts);
    const std::int64_t most = std::min(below.jobs, static_cast<std::int64_t>(candidates_.size()));
    for (std::int64_t jobs = least; jobs <= most; ++jobs) {
        for (std::size_t i = 0; i < candidates_.size(); ++i) {
            const std::int32_t worst = candidates_[i].priority;
            if (i + 1 < candidates_.size() && candidates_[i + 1].priority == worst) continue;
            if (std::make_pair(jobs, std::int64_t{worst}) > std::make_pair(limit_.jobs, limit_.worst))
                return best_;
            search(jobs, worst);
            if (best_ || !complete_) return best_;
        }
    }
    return best_;
}

bool VictimSets::below_limit(std::int64_t jobs, std::int32_t worst, const Rest& least) const {
    const std::pair now{jobs, std::int64_t{worst}}, limit{limit_.jobs, limit_.worst};
    if (now != limit) return now < limit;
    constexpr auto k = RoomBound::kParts;
    return least < Rest{k * limit_.priorities, k * limit_.lost, k * limit_.tasks};
}

// Sets of exactly so many jobs of these priorities.
void VictimSets::search(std::int64_t jobs, std::int32_t worst) {
    std::vector<State> states(candidates_.size(), State::Open);
    for (std::size_t j = 0; j < states.size(); ++j)
        if (candidates_[j].priority > worst) states[j] = State::Stays;
    std::set<Part> open;
    const auto add = [&](std::vector<State> of) {
        if (auto found = part(std::move(of), jobs); found && below_limit(jobs, worst, found->least))
            open.insert(std::move(*found));
    };
    add(std::move(states));
    while (!open.empty() && below_limit(jobs, worst, open.begin()->least)) {
        Part now = std::move(open.extract(open.begin()).value());
        if (static_cast<std::int64_t>(now.bound.size()) == jobs) try_set(now.bound);
        if (tries_ >= effort_ || steps_ >= kStepsATry * effort_) {
            complete_ = false;
            return;
        }
        if (std::count(now.states.begin(), now.states.end(), State::Gone) == jobs) continue;
        const auto split = std::find_if(now.bound.begin(), now.bound.end(),
                                        [&](std::uint32_t j) { return now.states[j] == State::Open; });
        std::size_t on = 0;
        if (split != now.bound.end()) {
            on = *split;
        } else {  // the bound asks for no more; others make up the number
            while (on < now.states.size() && now.states[on] != State::Open) ++on;
            if (on == now.states.size()) continue;
        }
        now.states[on] = State::Gone;
        add(now.states);
        now.states[on] = State::Stays;
        add(std::move(now.states));
    }
}

std::optional<VictimSets::Part> VictimSets::part(std::vector<State> states, std::int64_t jobs) {
    const std::int64_t before = bound_.work();
    Part found;
    std::int64_t gone = 0;
    const auto count = [&](std::size_t j) {
        found.least[0] += RoomBound::kParts * candidates_[j].priority;
        found.least[1] += RoomBound::kParts * candidates_[j].lost;
        found.least[2] += RoomBound::kParts * candidates_[j].tasks;
        ++gone;
    };
    for (std::size_t j = 0; j < states.size(); ++j)
        if (states[j] == State::Gone) count(j);
    if (gone > jobs) return std::nullopt;
    for (std::size_t j = 0; j < states.size() && gone < jobs; ++j)  // the cheapest come first
        if (states[j] == State::Open) count(j);
    if (gone < jobs) return std::nullopt;
    RoomBound::Answer answer = bound_.least(states);
    steps_ += 1 + (static_cast<std::int64_t>(states.size()) + bound_.work() - before) / kWorkAStep;
    if (!answer.possible || answer.least[0] > RoomBound::kParts * jobs) return std::nullopt;
    if (answer.least[0] == RoomBound::kParts * jobs)
        found.least = std::max(found.least, Rest{answer.least[1], answer.least[2], answer.least[3]});
    found.number = parts_++;
    found.states = std::move(states);
    found.bound = std::move(answer.jobs);
    const auto stays = [&](std::uint32_t j) { return found.states[j] != State::Gone; };
    if (std::count(found.states.begin(), found.states.end(), State::Gone) == jobs)
        std::erase_if(found.bound, stays);
    return found;
}

void VictimSets::try_set(const std::vector<std::uint32_t>& set) {
    const VictimCost now = cost(set);
    if (!(now < limit_) || !tried_.insert(set).second) return;
    ++tries_;
    std::vector<JobId> ids;
    for (const std::uint32_t j : set) ids.push_back(candidates_[j].job);
    std::sort(ids.begin(), ids.end());
    if ((*works_)(ids)) limit_ = now, best_ = std::move(ids);
}

}  // namespace hal

#include "halcore/replay/job_history.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "halcore/model/error.h"

namespace hal::replay {
namespace {

constexpr std::size_t kUnderWay = 8;  // running jobs of the user that are looked at, the newest
constexpr std::size_t kAsked = 64;    // last runs with a request, among which those of others are sought
constexpr float kForget = 0.2F;       // weight of the newest runtime in a class's mean

double length(Seconds seconds) {
    return static_cast<double>(std::max<Seconds>(1, seconds));
}

float log_length(Seconds seconds) {
    return static_cast<float>(std::log(length(seconds)));
}

float log_since(Seconds now, Seconds then) {
    return static_cast<float>(std::log1p(static_cast<double>(std::max<Seconds>(0, now - then))));
}

std::uint64_t mix(std::uint64_t value) {
    value += 0x9E3779B97F4A7C15ULL;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
    return value ^ (value >> 31);
}

}  // namespace

JobHistory::JobHistory(std::size_t memory) : memory_(memory) {
    if (memory_ < 1) throw InvalidModel("memory is 0; keep at least 1 job");
}

const std::array<const char*, JobHistory::kBase>& JobHistory::base_names() {
    static constexpr std::array<const char*, kBase> kNames{
        "request",      "procs",   "hour",    "weekday",         "anchor",         "likeness", "weight",
        "since_submit", "repeats", "running", "running_longest", "running_newest", "waiting"};
    return kNames;
}

const std::array<const char*, JobHistory::kByClass>& JobHistory::class_names() {
    static constexpr std::array<const char*, kByClass> kNames{
        "last", "last_but_one", "median", "mean", "deviation", "least", "greatest", "since_end", "count"};
    return kNames;
}

const std::array<const char*, JobHistory::kClasses>& JobHistory::classes() {
    static constexpr std::array<const char*, kClasses> kNames{"user", "user_request", "user_request_procs",
                                                              "user_procs"};
    return kNames;
}

std::array<std::uint64_t, JobHistory::kClasses> JobHistory::keys(const JobSpec& spec) {
    const std::uint64_t user = mix(static_cast<std::uint32_t>(spec.user));
    const std::uint64_t request = mix(user ^ static_cast<std::uint64_t>(spec.requested));
    const auto procs = static_cast<std::uint64_t>(spec.procs);
    return {user, request, mix(request + 1 + procs), mix(user + 0x5851F42D4C957F2DULL * (1 + procs))};
}

RecentRuns::Likeliest JobHistory::anchor(const User& user, const Live& live, Seconds now) const {
    std::array<RecentRuns::UnderWay, kUnderWay> running;
    std::size_t count = 0;
    for (auto job = user.running.rbegin(); job != user.running.rend() && count < kUnderWay; ++job)
        running[count++] = job->second;
    std::array<RecentRuns::Other, RecentRuns::kOthers> others;
    std::size_t strangers = 0;
    if (const auto asked = by_request_.find(live.spec.requested); asked != by_request_.end())
        for (auto run = asked->second.rbegin(); run != asked->second.rend() && strangers < others.size();
             ++run)
            if (run->user != live.spec.user) others[strangers++] = run->run;
    return user.past.likeliest(live.spec, live.context, now, std::span(running).first(count),
                               std::span(others).first(strangers));
}

void JobHistory::describe(const Class* known, double anchor, double request, Seconds now,
                          std::span<float> out) {
    std::fill(out.begin(), out.end(), 0.0F);
    if (!known || known->count == 0) return;
    const std::size_t depth = known->recent.size();
    const std::size_t count = std::min<std::size_t>(known->count, depth);
    const auto apart = [&](double runtime) {
        return static_cast<float>(std::min(runtime, request) - anchor);
    };
    std::array<float, 16> sorted;
    std::copy_n(known->recent.begin(), count, sorted.begin());
    std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count));
    out[0] = apart(known->recent[(known->count - 1) % depth]);
    out[1] = count > 1 ? apart(known->recent[(known->count - 2) % depth]) : out[0];
    out[2] = apart(sorted[count / 2]);
    out[3] = apart(known->mean);
    out[4] = std::sqrt(known->variance);
    out[5] = apart(sorted[0]);
    out[6] = apart(sorted[count - 1]);
    out[7] = log_since(now, known->last_end);
    out[8] = std::log1p(static_cast<float>(known->count));
}

const JobHistory::Row& JobHistory::submitted(JobId job, Seconds now, const JobSpec& spec) {
    const auto [entry, fresh] = live_.try_emplace(job);
    if (!fresh) throw InvalidModel("job " + std::to_string(job) + " was submitted before");
    Live& live = entry->second;
    live.spec = spec;
    User& user = users_[spec.user];
    live.context = user.past.context(spec, now, user.last_submit, user.submissions);
    const RecentRuns::Likeliest found = anchor(user, live, now);
    const double request = std::log(length(spec.requested));
    const double middle = std::log(found.run);
    Row& row = live.row;
    row.fill(0.0F);
    row[0] = static_cast<float>(request);
    row[1] = static_cast<float>(std::log2(spec.procs));
    row[2] = static_cast<float>(now % 86400) / 3600.0F;
    row[3] = static_cast<float>(now / 86400 % 7);
    row[4] = static_cast<float>(middle);
    row[5] = static_cast<float>(found.likeness);
    row[6] = static_cast<float>(found.weight);
    row[7] = user.last_submit < 0 ? -1.0F : log_since(now, user.last_submit);
    row[8] = user.last_requested == spec.requested && user.last_procs == spec.procs ? 1.0F : 0.0F;
    row[9] = static_cast<float>(user.running.size());
    if (!user.running
             .empty()) {  // ids grow with submissions, so the ends of the map are the oldest and newest
        row[10] = log_since(now, user.running.begin()->second.start);
        row[11] = log_since(now, user.running.rbegin()->second.start);
    }
    row[12] = static_cast<float>(user.waiting);
    const auto by_class = keys(spec);
    for (std::size_t k = 0; k < kClasses; ++k) {
        const auto known = classes_.find(by_class[k]);
        describe(known == classes_.end() ? nullptr : &known->second, middle, request, now,
                 std::span(row).subspan(kBase + k * kByClass, kByClass));
    }
    user.last_submit = now;
    user.last_requested = spec.requested;
    user.last_procs = spec.procs;
    ++user.waiting;
    ++user.submissions;
    return row;
}

void JobHistory::started(JobId job, Seconds now) {
    const auto found = live_.find(job);
    if (found == live_.end() || found->second.runs)
        throw InvalidModel("job " + std::to_string(job) + " is not waiting; only a waiting job can start");
    found->second.runs = true;
    User& user = users_[found->second.spec.user];
    --user.waiting;
    const JobSpec& spec = found->second.spec;
    user.running.emplace(job, RecentRuns::UnderWay{now, spec.requested, spec.procs});
}

void JobHistory::withdrawn(JobId job) {
    const auto found = live_.find(job);
    if (found == live_.end())
        throw InvalidModel("job " + std::to_string(job) + " neither waits nor runs; it cannot withdraw");
    User& user = users_[found->second.spec.user];
    if (found->second.runs)
        user.running.erase(job);
    else
        --user.waiting;
    live_.erase(found);
}

void JobHistory::finished(JobId job, Seconds now, Seconds run) {
    const auto found = live_.find(job);
    if (found == live_.end() || !found->second.runs)
        throw InvalidModel("job " + std::to_string(job) + " is not running; only a running job can finish");
    const Live& live = found->second;
    User& user = users_[live.spec.user];
    user.running.erase(job);
    user.past.add(live.spec, live.context, now, run);
    std::deque<Asked>& asked = by_request_[live.spec.requested];
    asked.push_back({{length(run), std::log2(live.spec.procs)}, live.spec.user});
    if (asked.size() > kAsked) asked.pop_front();
    const float measured = log_length(run);
    for (const std::uint64_t key : keys(live.spec)) {
        Class& known = classes_[key];
        known.recent[known.count % known.recent.size()] = measured;
        const float step = measured - known.mean;
        if (known.count++ == 0) {
            known.mean = measured;
        } else {
            known.mean += kForget * step;
            known.variance = (1.0F - kForget) * (known.variance + kForget * step * step);
        }
        known.last_end = now;
    }
    const Sample sample{live.row, run, live.spec.requested};
    if (samples_.size() < memory_)
        samples_.push_back(sample);
    else
        samples_[ended_ % memory_] = sample;
    ++ended_;
    live_.erase(found);
}

void JobHistory::copy_samples(std::span<float> rows, std::span<Seconds> run,
                              std::span<Seconds> requested) const {
    const std::size_t count = samples_.size();
    const std::size_t oldest = count < memory_ ? 0 : ended_ % memory_;
    for (std::size_t i = 0; i < count; ++i) {
        const Sample& sample = samples_[(oldest + i) % count];
        std::copy(sample.row.begin(), sample.row.end(),
                  rows.begin() + static_cast<std::ptrdiff_t>(i * kFeatures));
        run[i] = sample.run;
        requested[i] = sample.requested;
    }
}

}  // namespace hal::replay

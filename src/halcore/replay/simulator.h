#pragma once

#include <memory>
#include <queue>
#include <tuple>
#include <vector>

#include "halcore/engine/engine.h"
#include "halcore/policies/split_mix.h"
#include "halcore/replay/node_runs.h"
#include "halcore/replay/simulation.h"
#include "halcore/replay/waiting_jobs.h"

namespace hal::replay {

/// The jobs of a simulation, sorted by time of arrival.
struct Arrivals {
    std::vector<double> time, duration;  // s; durations are those of an uncrowded node
    std::vector<ShapeId> shape;
    std::vector<std::int32_t> tasks;
};

/// A cluster in simulated time: jobs arrive, wait, run and end; nodes fail, recover, sleep and wake. What
/// starts is placed by the engine's index, all tasks of a job or none.
///
/// At equal times ends come first (lower node first), then gangs' ends, wakings, sleep, failures and repairs,
/// then arrivals; the queue is looked at after each of them. Cost of a job: two visits of each of its nodes.
class Simulator {
  public:
    /// Values of p that are told apart: 0, 1/64, …, 1.
    static constexpr std::size_t kLevels = 65;

    /// Works on the engine's cluster, which nobody else changes meanwhile. `policies`: one for each of the
    /// kLevels values of p, or a single one that knows no p.
    Simulator(Engine& engine, SimulationOptions options, Arrivals arrivals,
              std::vector<std::shared_ptr<const Policy>> policies);

    /// Lets time pass until `until` with p in steps of 1/64, and writes one row of the trace. False when
    /// nothing is left to happen.
    bool advance(double until, double p);
    double now() const { return now_; }
    signals::Signals read();
    const std::vector<TraceRow>& trace() const { return trace_; }
    const JobColumns& jobs() const { return jobs_; }
    double joules() const { return joules_; }
    std::int64_t events() const { return events_; }    // arrivals, starts and ends
    std::int64_t running() const { return running_; }  // jobs
    const WaitingJobs& waiting() const { return waiting_; }
    bool finished() const;

  private:
    enum class Kind : std::uint8_t { GangEnd, Wake, Sleep, Fail, Repair };
    struct Event {
        double time;
        Kind kind;
        std::uint32_t id;  // node, or gang
        std::uint32_t version;
        friend bool operator>(const Event& a, const Event& b) {
            return std::tie(a.time, a.kind, a.id, a.version) > std::tie(b.time, b.kind, b.id, b.version);
        }
    };
    enum class State : std::uint8_t { Awake, Asleep, Waking, Down };
    struct Node {
        State state = State::Awake;
        std::uint32_t version = 0;  // of its state: older events are void
        double ready = 0;           // Waking: until when
        std::int64_t milliwatts = 0;
        std::vector<std::uint32_t> gangs;  // that have tasks here and elsewhere
    };
    /// A job on several nodes: it runs at the speed of the slowest.
    struct Gang {
        std::uint32_t job;
        std::uint32_t version = 0;
        double left, at, speed = 0;
        std::vector<NodeId> nodes;
    };

    void pass_time(double to);
    void handle(const Event& event);
    void arrive(std::uint32_t job);
    bool start(std::uint32_t job);
    void run_gang(std::uint32_t job, std::vector<NodeId> nodes);
    void end(std::uint32_t job);
    void release(std::uint32_t job);
    void look_at_queue();
    void refresh(NodeId n);
    void refresh_gang(std::uint32_t gang);
    void drop_gang(std::uint32_t gang);
    void fail(NodeId n);
    void repair(NodeId n);
    void set_schedulable(NodeId n, bool schedulable);
    void schedule_failure(NodeId n);
    void queue_changed();
    void write_row(double p, double begin, double joules_before);
    BoundPolicy& policy_for(double p);

    Engine& engine_;
    Cluster& cluster_;
    SimulationOptions options_;
    Arrivals arrivals_;
    NodePower power_;
    std::vector<std::shared_ptr<const Policy>> policies_;
    BoundPolicy* bound_ = nullptr;

    double now_ = 0, joules_ = 0;
    std::int64_t milliwatts_ = 0, events_ = 0, running_ = 0, asleep_ = 0, down_ = 0;
    std::uint32_t next_arrival_ = 0;
    NodeRuns runs_;
    std::vector<Node> nodes_;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_due_;
    std::vector<Gang> gangs_;
    std::vector<std::uint32_t> free_gangs_;
    std::vector<TaskList> places_;       // by job, while it runs
    std::vector<std::int32_t> gang_of_;  // by job; -1: on one node
    WaitingJobs waiting_;
    JobColumns jobs_;
    SplitMix64 random_;

    signals::ClusterSums sums_;
    signals::NodeTerms capacity_;  // of which only the capacity is read
    signals::Drift drift_;
    std::int64_t queue_peak_ = 0;
    double pending_peak_ = 0;
    std::vector<TraceRow> trace_;
    std::vector<TaskPlace> tasks_;  // scratch
};

}  // namespace hal::replay

#pragma once

#include <memory>
#include <vector>

#include "halcore/replay/job_table.h"
#include "halcore/replay/order.h"
#include "halcore/replay/ordered_queue.h"
#include "halcore/replay/running_set.h"

namespace hal::replay {

/// What a backfill rule sees and may change: the machine as a count of processors, the jobs that run, and the
/// queue in its order. Starting a job is the only change a rule makes.
class QueueState {
  public:
    QueueState(std::int64_t processors, std::unique_ptr<Order> order)
        : processors_(processors), order_(std::move(order)), order_is_static_(order_->is_static()) {}

    Seconds now() const { return now_; }
    std::int64_t processors() const { return processors_; }
    /// Processors not held by a job that is predicted to run on.
    std::int64_t free() const { return processors_ - running_.held(); }
    const JobTable& jobs() const { return jobs_; }
    const RunningSet& running() const { return running_; }
    const OrderedQueue& queue() const { return queue_; }
    bool order_is_static() const { return order_is_static_; }

    /// Brings the queue into the order of this moment. Costs a sort for orders that change with time.
    void sort_queue() {
        if (!order_is_static_) sort_queue_now();
    }
    void start(JobId job);

  private:
    friend class QueueEngine;

    void sort_queue_now();

    std::int64_t processors_;
    std::unique_ptr<Order> order_;
    bool order_is_static_;
    Seconds now_ = 0;
    JobTable jobs_;
    std::vector<double> keys_;  // by job: its key in the queue
    RunningSet running_;
    OrderedQueue queue_;
    std::vector<JobId> started_;  // by the current call, in order
};

}  // namespace hal::replay

#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "halcore/replay/job_table.h"

namespace hal::replay {

/// Who is next: the smallest key, ties to the earlier submission. "Runtime" is the one predicted for ranking.
class Order {
  public:
    virtual ~Order() = default;
    /// True when a job's key never changes once it is submitted: the queue then stays sorted by itself.
    virtual bool is_static() const { return true; }
    virtual double key(const JobRecord& job, Seconds now) const = 0;
    /// A job has started, or ended: for orders that remember who used how much.
    virtual void started(const JobRecord&) {}
    virtual void finished(const JobRecord&) {}
    /// Keys of many jobs at once; an order that only knows whole queues overrides this one.
    virtual void keys(const JobTable& jobs, std::span<const JobId> waiting, Seconds now,
                      std::span<double> out) const;
};

struct OrderOptions {
    double ageing = 0.0;  // "priority": priority gained by a second of waiting
    double max_age = std::numeric_limits<double>::infinity();  // seconds after which it stops growing
    double half_life = 7 * 86400.0;  // "fair_share": seconds after which use counts half
};

/// Names: "fcfs", "sjf", "ljf", "wfp3", "unicef", "f1", "aged_sjf", "priority", "fair_share".
std::unique_ptr<Order> make_order(const std::string& name, const OrderOptions& options = {});

/// An order given as a function of the whole queue.
using KeyFunction = std::function<void(const JobTable&, std::span<const JobId>, Seconds, std::span<double>)>;
std::unique_ptr<Order> make_order(KeyFunction function);

}  // namespace hal::replay

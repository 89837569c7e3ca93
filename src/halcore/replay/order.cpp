#include "halcore/replay/order.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "halcore/model/error.h"
#include "halcore/replay/fair_share.h"

namespace hal::replay {
namespace {

double runtime(const JobRecord& job) {
    return static_cast<double>(std::max<Seconds>(1, job.rank));
}

double wait(const JobRecord& job, Seconds now) {
    return static_cast<double>(now - job.submit);
}

struct Fcfs final : Order {
    double key(const JobRecord&, Seconds) const override { return 0.0; }
};

struct Sjf final : Order {
    double key(const JobRecord& job, Seconds) const override { return static_cast<double>(job.rank); }
};

struct Ljf final : Order {
    double key(const JobRecord& job, Seconds) const override { return -static_cast<double>(job.rank); }
};

/// -(wait / runtime)^3 * procs. Source: Tang et al., CLUSTER 2009.
struct Wfp3 final : Order {
    bool is_static() const override { return false; }
    double key(const JobRecord& job, Seconds now) const override {
        const double ratio = wait(job, now) / runtime(job);
        return -ratio * ratio * ratio * job.procs;
    }
};

/// -wait / (log2(procs) * runtime), minus infinity for one processor as soon as it waits. Source: same paper.
struct Unicef final : Order {
    bool is_static() const override { return false; }
    double key(const JobRecord& job, Seconds now) const override {
        const double waited = wait(job, now);
        return waited == 0.0 ? 0.0 : -waited / (std::log2(job.procs) * runtime(job));
    }
};

/// log10(runtime) * procs + 870 * log10(submit). Source: Carastan-Santos and de Camargo, SC'17.
struct F1 final : Order {
    double key(const JobRecord& job, Seconds) const override {
        const double submit = static_cast<double>(std::max<Seconds>(1, job.submit));
        return std::log10(runtime(job)) * job.procs + 870.0 * std::log10(submit);
    }
};

/// ln(max(runtime, 10)) - wait / 2 days: shortest first, but a job that has waited two days ranks with jobs
/// e times shorter, so that nobody starves. All age alike, so the order among them stands still.
struct AgedSjf final : Order {
    static constexpr double kPatience = 2 * 86400.0;
    double key(const JobRecord& job, Seconds) const override {
        return std::log(std::max(10.0, runtime(job))) + static_cast<double>(job.submit) / kPatience;
    }
};

/// -(priority + ageing * min(wait, max_age)).
class Priority final : public Order {
  public:
    explicit Priority(const OrderOptions& options) : options_(options) {}
    // Without a ceiling every waiting job ages alike, so the order among them stands still.
    bool is_static() const override { return options_.ageing == 0.0 || std::isinf(options_.max_age); }
    double key(const JobRecord& job, Seconds now) const override {
        if (is_static()) return options_.ageing * static_cast<double>(job.submit) - job.priority;
        return -(job.priority + options_.ageing * std::min(wait(job, now), options_.max_age));
    }

  private:
    OrderOptions options_;
};

class Function final : public Order {
  public:
    explicit Function(KeyFunction function) : function_(std::move(function)) {}
    bool is_static() const override { return false; }
    double key(const JobRecord&, Seconds) const override { return 0.0; }
    void keys(const JobTable& jobs, std::span<const JobId> waiting, Seconds now,
              std::span<double> out) const override {
        function_(jobs, waiting, now, out);
    }

  private:
    KeyFunction function_;
};

}  // namespace

void Order::keys(const JobTable& jobs, std::span<const JobId> waiting, Seconds now,
                 std::span<double> out) const {
    for (std::size_t i = 0; i < waiting.size(); ++i) out[i] = key(jobs[waiting[i]], now);
}

std::unique_ptr<Order> make_order(const std::string& name, const OrderOptions& options) {
    if (name == "fcfs") return std::make_unique<Fcfs>();
    if (name == "sjf") return std::make_unique<Sjf>();
    if (name == "ljf") return std::make_unique<Ljf>();
    if (name == "wfp3") return std::make_unique<Wfp3>();
    if (name == "unicef") return std::make_unique<Unicef>();
    if (name == "f1") return std::make_unique<F1>();
    if (name == "aged_sjf") return std::make_unique<AgedSjf>();
    if (name == "priority") {
        if (!(options.ageing >= 0.0) || !(options.max_age >= 0.0))
            throw PolicyError("priority order: ageing and max_age must be at least 0");
        return std::make_unique<Priority>(options);
    }
    if (name == "fair_share") return std::make_unique<FairShare>(options.half_life);
    throw PolicyError(
        "order: unknown name '" + name +
        "'; use fcfs, sjf, ljf, wfp3, unicef, f1, aged_sjf, priority, fair_share or a function");
}

std::unique_ptr<Order> make_order(KeyFunction function) {
    return std::make_unique<Function>(std::move(function));
}

}  // namespace hal::replay

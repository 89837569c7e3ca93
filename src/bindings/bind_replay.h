#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "arrays.h"
#include "halcore/replay/order.h"
#include "halcore/replay/prediction.h"
#include "halcore/replay/queue_replay.h"

namespace hal::bindings {

/// A name, or a function, which is borrowed: the caller keeps it alive.
std::unique_ptr<replay::Order> order_of(const nanobind::object& order, double ageing, double max_age,
                                        double half_life);
/// A name, or (JobHistory, function(row) -> (hold, fill, rank)), borrowed likewise.
std::unique_ptr<replay::Prediction> prediction_of(const nanobind::object& prediction);

/// The log that a replay reads, as views of the caller's arrays.
inline replay::LogColumns log_of(const Column<replay::Seconds>& submit, const Column<replay::Seconds>& run,
                                 const Column<std::int32_t>& procs, const Column<replay::Seconds>& requested,
                                 const Column<std::int32_t>& user, const Column<double>& priority,
                                 const Column<replay::Seconds>& given, const Column<replay::Seconds>& fill,
                                 const Column<replay::Seconds>& rank, const Column<std::uint32_t>& follower,
                                 const Column<std::uint32_t>& other, const Column<std::uint8_t>& kind,
                                 const Column<replay::Seconds>& delay, const Column<std::uint8_t>& failed) {
    return {as_span(submit), as_span(run),
            as_span(procs),  as_span(requested),
            as_span(user),   as_span(priority),
            as_span(given),  as_span(fill),
            as_span(rank),   {as_span(follower), as_span(other), as_span(kind), as_span(delay)},
            as_span(failed)};
}

}  // namespace hal::bindings

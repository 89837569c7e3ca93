#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "halcore/replay/order.h"
#include "halcore/replay/prediction.h"

namespace hal::bindings {

/// A name, or a function, which is borrowed: the caller keeps it alive.
std::unique_ptr<replay::Order> order_of(const nanobind::object& order, double ageing, double max_age,
                                        double half_life);
/// A name, or (JobHistory, function(row) -> (hold, fill, rank)), borrowed likewise.
std::unique_ptr<replay::Prediction> prediction_of(const nanobind::object& prediction);

}  // namespace hal::bindings

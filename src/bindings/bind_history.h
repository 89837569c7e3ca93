#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "halcore/replay/job_history.h"

namespace hal::bindings {

using RowView = nanobind::ndarray<nanobind::numpy, const float, nanobind::shape<1, -1>>;

/// A row of features as a numpy array of one line, without a copy: valid during the call it is given to.
inline RowView row_view(const replay::JobHistory::Row& row) {
    return RowView(row.data(), {1, row.size()}, nanobind::handle());
}

void bind_history(nanobind::module_& m);

}  // namespace hal::bindings

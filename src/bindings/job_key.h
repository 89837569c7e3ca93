#pragma once

#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>

#include <string>
#include <variant>

#include "halcore/model/cluster.h"
#include "halcore/model/error.h"

namespace hal::bindings {

using JobKey = std::variant<std::int64_t, std::string>;  // an id, or a name

/// The running job of the key; InvalidModel, naming the field, when there is none.
inline JobId running(const Cluster& c, const std::string& field, const JobKey& key) {
    JobId id = kNoJob;
    const auto* name = std::get_if<std::string>(&key);
    if (name) {
        id = c.find_job(*name);
    } else if (const std::int64_t n = std::get<std::int64_t>(key); n >= 0 && n < c.job_slots()) {
        id = static_cast<JobId>(n);
    }
    if (!c.has_job(id)) {
        throw InvalidModel(field + ": " +
                           (name ? "'" + *name + "'" : "#" + std::to_string(std::get<std::int64_t>(key))) +
                           " is no running job");
    }
    return id;
}

}  // namespace hal::bindings

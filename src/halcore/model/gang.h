#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "halcore/model/shape.h"

namespace hal {

/// Tasks that run together or not at all, as one cluster knows them.
struct Gang {
    struct Role {
        ShapeId shape = 0;
        std::int32_t tasks = 1;      ///< wanted
        std::int32_t min_tasks = 1;  ///< enough; below it the gang does not run
        std::int32_t slice = 1;      ///< every `slice` consecutive ranks share a domain of `slice_level`
        std::string slice_level;     ///< empty: one node
    };
    static constexpr std::size_t kMostRoles = 32;
    std::vector<Role> roles;
    std::string required;   ///< level that all tasks share a domain of; empty: none
    std::string preferred;  ///< level below which narrower is no better; empty: a single node is best

    /// Needs a cluster with a topology.
    bool names_levels() const {
        if (!required.empty() || !preferred.empty()) return true;
        for (const Role& role : roles)
            if (role.slice > 1 && !role.slice_level.empty()) return true;
        return false;
    }
    /// InvalidModel naming the role and field at fault.
    void validate() const;
};

}  // namespace hal

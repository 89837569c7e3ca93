#include "halcore/model/gang.h"

#include "halcore/model/error.h"

namespace hal {

void Gang::validate() const {
    constexpr std::int32_t most_tasks = 1 << 20;
    if (roles.empty() || roles.size() > kMostRoles)
        throw InvalidModel("gang: " + std::to_string(roles.size()) + " roles; give 1 to " +
                           std::to_string(kMostRoles) + ", its own tasks included");
    for (std::size_t r = 0; r < roles.size(); ++r) {
        const Role& role = roles[r];
        const auto refuse = [&](const std::string& what) {
            throw InvalidModel("gang: role " + std::to_string(r) + ": " + what);
        };
        if (role.tasks < 1 || role.tasks > most_tasks)
            refuse("tasks: " + std::to_string(role.tasks) + " is not between 1 and 2^20");
        if (role.min_tasks < 1 || role.min_tasks > role.tasks)
            refuse("min_tasks: " + std::to_string(role.min_tasks) + " is not between 1 and tasks, " +
                   std::to_string(role.tasks));
        if (role.slice < 1 || role.tasks % role.slice != 0 || role.min_tasks % role.slice != 0)
            refuse("slice: " + std::to_string(role.slice) + " does not divide tasks, " +
                   std::to_string(role.tasks) + ", and min_tasks, " + std::to_string(role.min_tasks));
    }
}

}  // namespace hal

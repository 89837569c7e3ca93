#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "halcore/model/cluster.h"
#include "halcore/policies/params.h"

namespace hal {

/// How often each profile of GPU instances is asked for. Parameter `typical`: "any" (all alike), "seen" (what
/// the cluster has been asked for so far) or counts, the profile's name as the one model of each.
struct ProfileSource {
    ProfileSource() = default;
    explicit ProfileSource(Params& params);

    bool seen = false;
    std::vector<std::int64_t> counts;  // by profile; empty: all alike

    /// On one cluster, by profile; none: all alike.
    std::vector<std::int64_t> on(const Cluster& cluster) const;
};

/// What a device that may be partitioned has left for the profiles that come.
///
/// room(occupied) = sum over profiles of count · slices that as many instances of the profile as fit could
/// take. Fragmentation, in the sense of Weng et al. (USENIX ATC 2023), is what is free and yet of no use to
/// the profile that comes, in expectation: free - room / all counts, 125 milli-GPU a slice; a profile that
/// the device does not offer can use nothing of it. With equal counts the loss of room is the growth of
/// fragmentation and what was taken.
class ProfileRoom {
  public:
    /// By profile; none: those of each device's own table, all alike.
    explicit ProfileRoom(const std::vector<std::int64_t>& counts);

    std::int64_t room(PartitionId table, Slices occupied) const { return room_[table - 1][occupied]; }
    /// Milli-GPU.
    double fragmentation(PartitionId table, Slices occupied) const;

  private:
    std::vector<std::array<std::int64_t, 256>> room_;  // by table
    std::vector<std::int64_t> total_;                  // counts that a table's fragmentation is a mean over
};

/// Milli-GPU of each node that the profiles that come cannot use, in expectation; 0 without such devices. A
/// device that is taken whole has none.
std::vector<double> profile_fragmentation(const Cluster& cluster, const ProfileRoom& room);

}  // namespace hal

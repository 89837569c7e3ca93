#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

// GPU instances (NVIDIA MIG). A device that may be partitioned has 8 memory slices; an instance of a profile
// takes some of them in a row, from a slice at which the profile may start. The occupied slices are one byte.
namespace hal {

using PartitionId = std::uint8_t;
using ProfileId = std::uint8_t;
using Slices = std::uint8_t;  // bit i: slice i is occupied
inline constexpr PartitionId kNoPartition = 0;
inline constexpr ProfileId kNoProfile = 0;
inline constexpr std::uint8_t kAnyStart = 255;
inline constexpr int kSlices = 8;

/// How a device of one table holds an instance of one profile.
struct ProfileLayout {
    std::uint8_t slices = 0;  // in a row; 0: the table does not offer the profile
    std::uint8_t starts = 0;  // bit i: an instance may start at slice i

    Slices taken_from(int start) const { return static_cast<Slices>(((1u << slices) - 1) << start); }
    bool may_start(int start) const { return start < kSlices && (starts >> start & 1); }
};

/// The profiles of one kind of device. Facts from NVIDIA's MIG User Guide (supported profiles) and the
/// placements that `nvidia-smi mig -lgipp` prints.
class PartitionTable {
  public:
    struct Row {
        const char* profile;
        std::uint8_t slices, starts;
    };
    PartitionTable(const char* name, std::vector<Row> rows);

    const std::string& name() const { return name_; }
    const ProfileLayout& layout(ProfileId p) const { return layouts_[p]; }
    const std::vector<ProfileId>& profiles() const { return profiles_; }
    /// The start that leaves the most room(), the lowest among equals; -1 when there is none.
    int best_start(ProfileId p, Slices occupied) const { return best_start_[p][occupied]; }
    /// Instances of the profile that still find room, if nothing else comes.
    int holds(ProfileId p, Slices occupied) const { return holds_[p][occupied]; }
    /// Slices that instances of a profile could still take, summed over the profiles of the table.
    int room(Slices occupied) const { return room_[occupied]; }

  private:
    std::string name_;
    std::vector<ProfileId> profiles_;
    std::vector<ProfileLayout> layouts_;                // by profile
    std::vector<std::vector<std::int8_t>> best_start_;  // by profile, occupied
    std::vector<std::vector<std::int8_t>> holds_;
    std::vector<int> room_;
};

/// The built-in tables; ids from 1 in this order.
std::span<const PartitionTable> partition_tables();
inline const PartitionTable& partition_table(PartitionId id) {
    return partition_tables()[id - 1];
}
/// kNoPartition for an unknown name.
PartitionId find_partition(const std::string& name);
/// All profiles of all tables by name; kNoProfile for an unknown one.
ProfileId find_profile(const std::string& name);
const std::string& profile_name(ProfileId p);
std::string known_profiles();
std::string known_partitions();

/// Milli-GPU of a device that each slice stands for: 8 make a whole device.
inline constexpr std::int32_t kMilliPerSlice = 125;

}  // namespace hal

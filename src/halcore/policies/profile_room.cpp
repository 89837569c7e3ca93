#include "halcore/policies/profile_room.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace hal {
namespace {
constexpr std::int64_t kMostCount = std::int64_t{1} << 40;  // sums of counts · slices stay within 64 bits
}

ProfileSource::ProfileSource(Params& params) {
    const ParamValue* value = params.find("typical");
    if (!value) return;
    if (const auto* text = std::get_if<std::string>(value)) {
        if (*text != "seen" && *text != "any")
            params.refuse("typical", "is '" + *text + "'; give \"any\", \"seen\" or counts of profiles");
        seen = *text == "seen";
        return;
    }
    const auto* given = std::get_if<TaskCounts>(value);
    if (!given) params.refuse("typical", "must be \"any\", \"seen\" or counts of profiles");
    counts.assign(256, 0);
    for (const TaskCount& row : *given) {
        const ProfileId profile = row.models.size() == 1 ? find_profile(row.models[0]) : kNoProfile;
        if (profile == kNoProfile)
            params.refuse("typical", "names no profile; known are " + known_profiles());
        if (row.count < 0 || row.count > kMostCount - counts[profile])
            params.refuse("typical", "has a negative or absurd count of '" + row.models[0] + "'");
        counts[profile] += row.count;
    }
    if (std::all_of(counts.begin(), counts.end(), [](std::int64_t c) { return c == 0; }))
        params.refuse("typical", "counts no profile");
}

std::vector<std::int64_t> ProfileSource::on(const Cluster& cluster) const {
    if (!seen || !cluster.seen()) return counts;
    std::vector<std::int64_t> asked(256, 0);
    bool any = false;
    const auto& by_shape = *cluster.seen();
    for (ShapeId s = 0; s < by_shape.size(); ++s) {
        const ProfileId profile = cluster.shape(s).profile;
        if (profile == kNoProfile || by_shape[s] == 0) continue;
        asked[profile] = std::min<std::int64_t>(
            kMostCount, asked[profile] + static_cast<std::int64_t>(
                                             std::min<std::uint64_t>(by_shape[s], std::uint64_t{1} << 40)));
        any = true;
    }
    return any ? asked : std::vector<std::int64_t>{};
}

ProfileRoom::ProfileRoom(const std::vector<std::int64_t>& counts) {
    for (const PartitionTable& table : partition_tables()) {
        auto& room = room_.emplace_back();
        room.fill(0);
        for (const ProfileId p : table.profiles()) {
            const std::int64_t count = counts.empty() ? 1 : counts[p];
            for (int occupied = 0; occupied < 256; ++occupied) {
                room[occupied] +=
                    count * table.holds(p, static_cast<Slices>(occupied)) * table.layout(p).slices;
            }
        }
        total_.push_back(counts.empty() ? static_cast<std::int64_t>(table.profiles().size())
                                        : std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
    }
}

double ProfileRoom::fragmentation(PartitionId table, Slices occupied) const {
    const int free = kSlices - std::popcount(occupied);
    const double usable = static_cast<double>(room(table, occupied)) / static_cast<double>(total_[table - 1]);
    return kMilliPerSlice * (free - usable);
}

std::vector<double> profile_fragmentation(const Cluster& cluster, const ProfileRoom& room) {
    std::vector<double> result(cluster.node_slots(), 0.0);
    for (NodeId n = 0; n < cluster.node_slots(); ++n) {
        if (!cluster.present(n)) continue;
        const auto& devices = cluster.node_class(n).devices;
        const auto slices = cluster.gpu_slices(n);
        for (std::size_t g = 0; g < devices.size(); ++g) {
            if (devices[g].partition) result[n] += room.fragmentation(devices[g].partition, slices[g]);
        }
    }
    return result;
}

}  // namespace hal

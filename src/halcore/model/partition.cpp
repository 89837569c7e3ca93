#include "halcore/model/partition.h"

#include <algorithm>

namespace hal {
namespace {

constexpr std::uint8_t kAt0 = 0b1;
constexpr std::uint8_t kAt04 = 0b10001;
constexpr std::uint8_t kAt024 = 0b10101;
constexpr std::uint8_t kAt0246 = 0b1010101;
constexpr std::uint8_t kAt0To6 = 0b1111111;

std::vector<std::string>& profile_names() {
    static std::vector<std::string> names{""};
    return names;
}

ProfileId intern(const std::string& name) {
    auto& names = profile_names();
    const auto it = std::find(names.begin(), names.end(), name);
    if (it == names.end()) names.push_back(name);
    return static_cast<ProfileId>(std::find(names.begin(), names.end(), name) - names.begin());
}

// Earliest end first packs the most of equal intervals.
int most_instances(const ProfileLayout& layout, Slices occupied) {
    int count = 0;
    for (int start = 0; start < kSlices; ++start) {
        if (!layout.may_start(start) || (occupied & layout.taken_from(start))) continue;
        occupied |= layout.taken_from(start);
        ++count;
    }
    return count;
}

}  // namespace

PartitionTable::PartitionTable(const char* name, std::vector<Row> rows) : name_(name) {
    for (const Row& row : rows) profiles_.push_back(intern(row.profile));
    const std::size_t count = profile_names().size();
    layouts_.resize(count);
    holds_.assign(count, std::vector<std::int8_t>(256, 0));
    best_start_.assign(count, std::vector<std::int8_t>(256, -1));
    room_.assign(256, 0);
    for (std::size_t i = 0; i < rows.size(); ++i) layouts_[profiles_[i]] = {rows[i].slices, rows[i].starts};
    for (int occupied = 0; occupied < 256; ++occupied) {
        for (const ProfileId p : profiles_) {
            holds_[p][occupied] =
                static_cast<std::int8_t>(most_instances(layouts_[p], static_cast<Slices>(occupied)));
            room_[occupied] += holds_[p][occupied] * layouts_[p].slices;
        }
    }
    for (const ProfileId p : profiles_) {
        for (int occupied = 0; occupied < 256; ++occupied) {
            int most = -1;
            for (int start = 0; start < kSlices; ++start) {
                const Slices taken = layouts_[p].taken_from(start);
                if (!layouts_[p].may_start(start) || (occupied & taken)) continue;
                if (room_[occupied | taken] <= most) continue;
                most = room_[occupied | taken];
                best_start_[p][occupied] = static_cast<std::int8_t>(start);
            }
        }
    }
}

std::span<const PartitionTable> partition_tables() {
    static const std::vector<PartitionTable> tables = [] {
        // Every name first: each table then has a row, if an empty one, for every profile.
        for (const char* name : {"1g.5gb", "1g.10gb", "1g.20gb", "2g.10gb", "2g.20gb", "3g.20gb", "3g.40gb",
                                 "4g.20gb", "4g.40gb", "7g.40gb", "7g.80gb"}) {
            intern(name);
        }
        const std::vector<PartitionTable::Row> of_80gb{{"1g.10gb", 1, kAt0To6}, {"1g.20gb", 2, kAt0246},
                                                       {"2g.20gb", 2, kAt024},  {"3g.40gb", 4, kAt04},
                                                       {"4g.40gb", 4, kAt0},    {"7g.80gb", 8, kAt0}};
        std::vector<PartitionTable> result;
        result.emplace_back("a100-40gb", std::vector<PartitionTable::Row>{{"1g.5gb", 1, kAt0To6},
                                                                          {"1g.10gb", 2, kAt0246},
                                                                          {"2g.10gb", 2, kAt024},
                                                                          {"3g.20gb", 4, kAt04},
                                                                          {"4g.20gb", 4, kAt0},
                                                                          {"7g.40gb", 8, kAt0}});
        result.emplace_back("a100-80gb", of_80gb);
        result.emplace_back("h100-80gb", of_80gb);
        return result;
    }();
    return tables;
}

PartitionId find_partition(const std::string& name) {
    const auto tables = partition_tables();
    for (std::size_t i = 0; i < tables.size(); ++i) {
        if (tables[i].name() == name) return static_cast<PartitionId>(i + 1);
    }
    return kNoPartition;
}

ProfileId find_profile(const std::string& name) {
    (void)partition_tables();
    const auto& names = profile_names();
    const auto it = std::find(names.begin() + 1, names.end(), name);
    return it == names.end() ? kNoProfile : static_cast<ProfileId>(it - names.begin());
}

const std::string& profile_name(ProfileId p) {
    (void)partition_tables();
    return profile_names()[p];
}

std::string known_profiles() {
    (void)partition_tables();
    std::string text;
    for (std::size_t p = 1; p < profile_names().size(); ++p) text += (p > 1 ? ", " : "") + profile_names()[p];
    return text;
}

std::string known_partitions() {
    std::string text;
    for (const PartitionTable& t : partition_tables()) text += (text.empty() ? "" : ", ") + t.name();
    return text;
}

}  // namespace hal

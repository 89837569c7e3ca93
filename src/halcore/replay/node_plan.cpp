#include "halcore/replay/node_plan.h"

#include <algorithm>
#include <bit>

#include "halcore/engine/transaction.h"
#include "halcore/model/error.h"

namespace hal::replay {

void NodePlan::run(JobId job, std::uint32_t row, Seconds begin, Seconds end) {
    stays_.insert_or_assign(job, Stay{begin, end, machine_->places(row), true, row});
}

void NodePlan::refresh() {
    for (auto& [job, stay] : stays_)
        if (stay.booked) stay.tasks = machine_->standing(stay.row);
}

void NodePlan::plan(JobId job, Seconds begin, Seconds end, TaskList tasks) {
    stays_.insert_or_assign(job, Stay{begin, end, std::move(tasks)});
}

template <class Visit>
void NodePlan::each_stay(Visit visit) const {
    for (const auto& [job, stay] : stays_) visit(stay);
    for (const Stay& hold : holds_) visit(hold);
}

/// Free CPUs and milli-GPUs of the whole cluster, beside what stands; holds left out, because what runs too
/// long may stand where they do.
NodePlan::Profiles NodePlan::totals(Seconds now) const {
    const Cluster& cluster = machine_->cluster();
    std::int64_t cpu = 0, gpu = 0;
    for (NodeId n = 0; n < cluster.node_slots(); ++n)
        if (cluster.present(n)) cpu += cluster.free(kCpu, n), gpu += cluster.gpu_total_free(n);
    std::vector<std::pair<std::int64_t, std::int64_t>> used;
    for (const auto& [job, stay] : stays_) {
        used.push_back(machine_->total(stay.tasks));
        if (stay.booked) cpu += used.back().first, gpu += used.back().second;
    }
    Profiles free{reserve::AvailabilityProfile(cpu, now), reserve::AvailabilityProfile(gpu, now)};
    auto use = used.begin();
    for (const auto& [job, stay] : stays_) {
        free.first.add(std::max(now, stay.begin), stay.end, -use->first);
        free.second.add(std::max(now, stay.begin), stay.end, -use++->second);
    }
    return free;
}

/// When there may be more room than before: now, and whenever something ends.
std::vector<Seconds> NodePlan::moments(Seconds now, Seconds cap) const {
    std::vector<Seconds> moments{now};
    each_stay([&](const Stay& stay) {
        if (stay.end > now && stay.end < cap) moments.push_back(stay.end);
    });
    std::sort(moments.begin(), moments.end());
    moments.erase(std::unique(moments.begin(), moments.end()), moments.end());
    return moments;
}

std::optional<NodePlan::Found> NodePlan::earliest(std::uint32_t row, Seconds now, Seconds duration,
                                                  Seconds cap, Seconds horizon) {
    if (now >= cap) return std::nullopt;
    machine_->settle();
    const auto [cpu, gpu] = machine_->need(row);
    const Profiles free = totals(now);
    const std::vector<Seconds> starts = moments(now, cap);
    for (auto at = starts.begin(); at != starts.end();) {
        const Seconds start = std::max(free.first.earliest(*at, duration, cpu, horizon),
                                       free.second.earliest(*at, duration, gpu, horizon));
        if (start > *at) {
            at = std::lower_bound(at, starts.end(), start);
            continue;
        }
        const Seconds end = start > horizon - duration ? horizon : start + duration;
        const Transaction trial(machine_->cluster());
        hold(start, end);
        PlaceResult places = machine_->place(row);
        if (places.status.front() == static_cast<std::uint8_t>(Status::Placed))
            return Found{start, std::move(places)};
        ++at;
    }
    return std::nullopt;
}

/// Makes the books show what stands on the nodes in the window.
void NodePlan::hold(Seconds begin, Seconds end) {
    Cluster& cluster = machine_->cluster();
    std::map<NodeId, std::vector<Entry>> by_node;
    each_stay([&](const Stay& stay) {
        const bool there = stay.begin < end && stay.end > begin;
        for (const TaskPlace& task : stay.tasks) {
            if (!cluster.present(task.node)) continue;
            if (there)
                by_node[task.node].push_back({stay.begin, stay.end, &task, stay.booked});
            else if (stay.booked)
                cluster.give(task);
        }
    });
    for (auto& [node, entries] : by_node) hold_node(entries, begin);
}

void NodePlan::hold_node(std::vector<Entry>& entries, Seconds begin) {
    Seconds last_begin = begin, first_end = kNever;
    for (const Entry& entry : entries) {
        last_begin = std::max(last_begin, entry.begin);
        first_end = std::min(first_end, entry.end);
    }
    std::vector<char> held(entries.size(), 1);
    if (last_begin >= first_end) held = worst_of(entries, begin);
    for (std::size_t i = 0; i < entries.size(); ++i)
        if (entries[i].booked && !held[i]) machine_->cluster().give(*entries[i].task);
    for (std::size_t i = 0; i < entries.size(); ++i)
        if (!entries[i].booked && held[i]) take(*entries[i].task);
}

/// Which tasks are held at a moment that no other outdoes, or have to be for their traits.
std::vector<char> NodePlan::worst_of(const std::vector<Entry>& entries, Seconds begin) const {
    std::vector<Seconds> starts{begin};
    for (const Entry& entry : entries)
        if (entry.begin > begin) starts.push_back(entry.begin);
    std::sort(starts.begin(), starts.end());
    starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
    std::vector<std::vector<std::int64_t>> use;
    for (const Seconds start : starts) use.push_back(use_at(entries, start));
    std::vector<char> held(entries.size(), 0);
    for (std::size_t i = 0; i < entries.size(); ++i) held[i] = entries[i].task->traits != 0;
    const auto outdone = [&](std::size_t s, std::size_t by) {
        if (s == by || (use[s] == use[by] && s < by)) return false;
        return std::equal(use[s].begin(), use[s].end(), use[by].begin(), std::less_equal<>());
    };
    for (std::size_t s = 0; s < starts.size(); ++s) {
        bool is_outdone = false;
        for (std::size_t by = 0; by < starts.size() && !is_outdone; ++by) is_outdone = outdone(s, by);
        for (std::size_t i = 0; i < entries.size() && !is_outdone; ++i)
            if (entries[i].begin <= starts[s] && starts[s] < entries[i].end) held[i] = 1;
    }
    return held;
}

/// By resource, then by device.
std::vector<std::int64_t> NodePlan::use_at(const std::vector<Entry>& entries, Seconds moment) const {
    const Cluster& cluster = machine_->cluster();
    const std::size_t resources = cluster.resource_count();
    const NodeId node = entries.front().task->node;
    std::vector<std::int64_t> use(resources + static_cast<std::size_t>(cluster.gpu_count(node)), 0);
    for (const Entry& entry : entries) {
        if (entry.begin > moment || entry.end <= moment) continue;
        const Shape& shape = cluster.shape(entry.task->shape);
        use[kCpu] += shape.cpu;
        use[kMemory] += shape.memory;
        for (const auto& [r, amount] : shape.extended) use[r] += amount;
        for (std::uint64_t m = entry.task->devices; m; m &= m - 1) {
            const int g = std::countr_zero(m);
            use[resources + static_cast<std::size_t>(g)] +=
                share_on(shape, cluster.node_class(node).devices[static_cast<std::size_t>(g)]);
        }
    }
    return use;
}

/// Books a task although another may stand in its place at another time.
void NodePlan::take(const TaskPlace& task) {
    Cluster& cluster = machine_->cluster();
    const Shape& shape = cluster.shape(task.shape);
    // The bits of occupied slices do not add up: who comes second to them leaves them as they are.
    for (std::uint64_t m = task.devices; m; m &= m - 1) {
        const auto g = static_cast<std::size_t>(std::countr_zero(m));
        const Device& device = cluster.node_class(task.node).devices[g];
        if (device.partition == kNoPartition) continue;
        const Slices wanted = shape.whole() ? Slices{255} : layout_on(shape, device).taken_from(task.start);
        if (cluster.gpu_slices(task.node)[g] & wanted) return;
    }
    cluster.take(task);
}

bool NodePlan::holds_together(Seconds now) {
    struct Event {
        Seconds at;
        bool begins;
        bool holds;
        const Stay* stay;
    };
    std::vector<Event> events;
    const auto add = [&](const Stay& stay, bool holds) {
        if (stay.end <= now) return;
        events.push_back({stay.end, false, holds, &stay});
        if (!stay.booked) events.push_back({std::max(now, stay.begin), true, holds, &stay});
    };
    for (const Stay& hold : holds_) add(hold, true);
    for (const auto& [job, stay] : stays_) add(stay, false);
    std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
        return a.at < b.at || (a.at == b.at && a.begins < b.begins);
    });
    Cluster& cluster = machine_->cluster();
    const Transaction trial(cluster);
    for (const auto& [at, begins, holds, stay] : events)
        for (const TaskPlace& task : stay->tasks) {
            const bool present = cluster.present(task.node);
            if (!begins) {
                if (present) cluster.give(task);
            } else if (holds) {
                if (present) cluster.take(task);  // even where something runs for too long
            } else if (!cluster.fits(task)) {
                return false;
            } else {
                cluster.take(task);
            }
        }
    return true;
}

namespace {

[[noreturn]] void refuse_hold(Seconds begin, Seconds end, const std::string& why) {
    throw InvalidModel("reservation from " + std::to_string(begin) + " to " + std::to_string(end) + ": " +
                       why);
}

void check_window(Seconds begin, Seconds end) {
    if (begin < 0 || begin >= end || end > kNever / 4)
        refuse_hold(begin, end, "give a begin of 0 or more and an end after it");
}

}  // namespace

NodeHold hold_nodes(ClusterMachine& machine, Seconds begin, Seconds end,
                    const std::vector<std::string>& nodes) {
    check_window(begin, end);
    if (nodes.empty()) refuse_hold(begin, end, "names no node");
    return {begin, end, machine.whole(nodes)};
}

NodeHold hold_room(const std::shared_ptr<ClusterMachine>& machine, const std::vector<NodeHold>& others,
                   Seconds begin, Seconds end, std::uint32_t row) {
    check_window(begin, end);
    const auto found = NodePlan(machine, others).earliest(row, begin, end - begin, begin + 1);
    if (!found) refuse_hold(begin, end, "there is no room for it then");
    return {begin, end, tasks_of(found->places)};
}

}  // namespace hal::replay

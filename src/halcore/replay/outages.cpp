#include "halcore/replay/outages.h"

#include <algorithm>

#include "halcore/model/error.h"

namespace hal::replay {

NodeOutages::NodeOutages(std::shared_ptr<ClusterMachine> machine, std::vector<NodeFailure> failures,
                         std::vector<Seconds> checkpoint)
    : machine_(std::move(machine)), checkpoint_(std::move(checkpoint)) {
    std::unordered_map<std::string, std::uint32_t> numbers;
    for (const NodeFailure& failure : failures) {
        if (failure.at < 0 || failure.at >= failure.back ||
            (failure.back != kNever && failure.back > kNever / 4))
            throw InvalidModel("failure of node '" + failure.node + "' from " + std::to_string(failure.at) +
                               " to " + std::to_string(failure.back) +
                               ": give a begin of 0 or more and an end after it");
        const auto [found, is_new] =
            numbers.try_emplace(failure.node, static_cast<std::uint32_t>(nodes_.size()));
        Cluster& cluster = machine_->cluster();
        if (is_new) nodes_.push_back({cluster.spec(cluster.index_of(failure.node))});
        events_.push_back({failure.at, true, found->second});
        if (failure.back != kNever) events_.push_back({failure.back, false, found->second});
    }
    // Who comes back at a moment is there for what fails then.
    std::stable_sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
        return a.at < b.at || (a.at == b.at && a.fails < b.fails);
    });
    for (std::uint32_t row = 0; row < checkpoint_.size(); ++row) rows_[machine_->name(row)] = row;
}

std::vector<std::uint32_t> NodeOutages::strike() {
    std::vector<std::uint32_t> stopped;
    for (const Seconds now = next(); next() == now && now != kNever; ++at_) {
        Node& node = nodes_[events_[at_].node];
        if (!events_[at_].fails) {
            if (--node.down == 0) machine_->cluster().add_nodes({node.spec});
            continue;
        }
        if (node.down++ > 0) continue;
        for (const std::string& job : machine_->cluster().remove_node(node.spec.name, true))
            if (const auto found = rows_.find(job); found != rows_.end()) stopped.push_back(found->second);
    }
    std::sort(stopped.begin(), stopped.end());
    stopped.erase(std::unique(stopped.begin(), stopped.end()), stopped.end());
    return stopped;
}

void NodeOutages::again(std::uint32_t row, Seconds ran, JobSpec& spec) {
    const Seconds every = checkpoint_[row];
    const Seconds saved = every > 0 ? ran / every * every : 0;
    const auto less = [&](Seconds seconds) { return std::max<Seconds>(1, seconds - saved); };
    spec.run = less(spec.run);
    spec.requested = less(spec.requested);
    spec.given = {less(spec.given.hold), less(spec.given.fill), less(spec.given.rank)};
    spec.row = machine_->again(row);
    checkpoint_.push_back(every);
    rows_[machine_->name(row)] = spec.row;
}

}  // namespace hal::replay

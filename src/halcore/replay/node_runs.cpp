#include "halcore/replay/node_runs.h"

#include <algorithm>
#include <bit>

namespace hal::replay {

NextDue::NextDue(std::size_t nodes)
    : width_(std::bit_ceil(std::max<std::size_t>(nodes, 2))), times_(width_, kForever), winner_(2 * width_) {
    for (std::size_t i = 0; i < width_; ++i) winner_[width_ + i] = static_cast<NodeId>(i);
    for (std::size_t i = width_ - 1; i > 0; --i) winner_[i] = winner_[2 * i];
}

void NextDue::set(NodeId n, double time) {
    if (times_[n] == time) return;
    times_[n] = time;
    for (std::size_t i = (width_ + n) / 2; i > 0; i /= 2) {
        const NodeId left = winner_[2 * i], right = winner_[2 * i + 1];
        winner_[i] = times_[right] < times_[left] ? right : left;
    }
}

void NodeRuns::advance(Node& node, double now) {
    node.clock += (now - node.at) * node.speed;
    node.at = now;
}

void NodeRuns::set_speed(NodeId n, double now, double speed) {
    Node& node = nodes_[n];
    advance(node, now);
    node.speed = speed;
    double due = kForever;
    if (node.heap.empty()) {
        node.clock = 0;  // small numbers keep their precision
    } else if (speed > 0) {
        due = now + std::max(0.0, node.heap.front().end - node.clock) / speed;
    }
    due_.set(n, due);
}

void NodeRuns::start(NodeId n, double now, std::uint32_t job, double work) {
    Node& node = nodes_[n];
    advance(node, now);
    node.heap.push_back({node.clock + work, job});
    std::push_heap(node.heap.begin(), node.heap.end());
}

std::uint32_t NodeRuns::pop(NodeId n, double now) {
    Node& node = nodes_[n];
    std::pop_heap(node.heap.begin(), node.heap.end());
    const Run run = node.heap.back();
    node.heap.pop_back();
    node.clock = run.end;  // exactly: rounding must not hold the next one back
    node.at = now;
    return run.job;
}

std::vector<std::uint32_t> NodeRuns::clear(NodeId n) {
    std::vector<std::uint32_t> jobs;
    for (const Run& run : nodes_[n].heap) jobs.push_back(run.job);
    std::sort(jobs.begin(), jobs.end());
    nodes_[n].heap.clear();
    return jobs;
}

}  // namespace hal::replay

#include "halcore/model/queue_tree.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>

#include "halcore/model/error.h"

namespace hal {
namespace {

[[noreturn]] void refuse(const std::string& queue, const std::string& what) {
    throw InvalidModel("queue '" + queue + "': " + what);
}

void check(const QueueSpec& spec) {
    if (spec.name.empty()) throw InvalidModel("queue.name: '' is empty");
    if (!std::isfinite(spec.weight) || spec.weight <= 0) {
        refuse(spec.name, "weight: " + std::to_string(spec.weight) + " is not a positive number");
    }
    for (const auto* amounts : {&spec.guarantee, &spec.maximum}) {
        const std::string field = amounts == &spec.guarantee ? "guarantee" : "maximum";
        for (const auto& [resource, amount] : *amounts) {
            if (resource.empty()) refuse(spec.name, field + ": '' is no resource name");
            if (amount < 0 || amount > kMaxQuantity) {
                refuse(spec.name, field + "." + resource + ": " + std::to_string(amount) +
                                      " is not between 0 and 2^42 base units");
            }
        }
    }
}

}  // namespace

QueueTree::QueueTree(std::vector<QueueSpec> specs) {
    static std::atomic<std::uint64_t> next{1};
    uid_ = next++;
    for (const char* name : {"cpu", "memory", "gpu"}) resources_.intern(name);
    for (const QueueSpec& spec : specs) check(spec);
    number(specs);
    for (const QueueSpec& spec : specs) {
        for (const auto& [resource, amount] : spec.guarantee) resources_.intern(resource);
        for (const auto& [resource, amount] : spec.maximum) resources_.intern(resource);
    }
    guarantee_.assign(at(size(), 0), 0);
    maximum_.assign(at(size(), 0), kNoLimit);
    std::vector<std::uint8_t> stated(guarantee_.size(), 0);
    for (const QueueSpec& spec : specs) {
        const QueueId q = by_name_.at(spec.name);
        weight_[q] = spec.weight;
        lend_[q] = spec.lend;
        for (const auto& [resource, amount] : spec.guarantee) {
            guarantee_[at(q, resources_.find(resource))] = amount;
            stated[at(q, resources_.find(resource))] = 1;
        }
        for (const auto& [resource, amount] : spec.maximum) {
            maximum_[at(q, resources_.find(resource))] = amount;
        }
    }
    check_guarantees(stated);
}

// Breadth first from the root, so that a parent comes before its children and siblings are neighbours.
void QueueTree::number(std::vector<QueueSpec>& specs) {
    std::unordered_map<std::string_view, std::size_t> row;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        if (!row.emplace(specs[i].name, i).second) {
            refuse(specs[i].name, "the name is given twice; queue names are unique");
        }
    }
    std::vector<std::vector<std::size_t>> children(specs.size() + 1);  // last: of the root
    for (std::size_t i = 0; i < specs.size(); ++i) {
        const std::string& parent = specs[i].parent;
        if (!parent.empty() && !row.contains(parent)) {
            refuse(specs[i].name, "its parent '" + parent + "' is unknown; add it, or correct the name");
        }
        children[parent.empty() ? specs.size() : row.at(parent)].push_back(i);
    }
    std::vector<std::size_t> order{specs.size()};
    names_.emplace_back();
    parent_.push_back(0);
    for (QueueId q = 0; q < order.size(); ++q) {
        child_begin_.push_back(static_cast<QueueId>(order.size()));
        for (const std::size_t i : children[order[q]]) {
            by_name_.emplace(specs[i].name, static_cast<QueueId>(order.size()));
            names_.push_back(specs[i].name);
            parent_.push_back(q);
            order.push_back(i);
        }
    }
    child_begin_.push_back(static_cast<QueueId>(order.size()));
    weight_.assign(size(), 1);
    lend_.assign(size(), 1);
    if (order.size() == specs.size() + 1) return;
    for (const QueueSpec& spec : specs) {  // whatever the root does not reach hangs from a cycle
        if (by_name_.contains(spec.name)) continue;
        std::size_t at = row.at(spec.name);
        for (std::size_t step = 0; step < specs.size(); ++step) at = row.at(specs[at].parent);
        std::string cycle = "'" + specs[at].name + "'";
        for (std::size_t i = row.at(specs[at].parent); i != at; i = row.at(specs[i].parent)) {
            cycle += " › '" + specs[i].name + "'";
        }
        refuse(specs[at].name, "it is below itself: " + cycle + "; one of them must be a top queue");
    }
}

void QueueTree::check_guarantees(const std::vector<std::uint8_t>& stated) {
    for (std::uint32_t r = 0; r < resource_count(); ++r) {
        const std::string& resource = resources_.name(r);
        for (QueueId q = size(); q-- > 0;) {  // children first
            std::int64_t sum = 0;
            for (QueueId c = first_child(q); c < first_child(q) + child_count(q); ++c) sum += guarantee(c, r);
            if (!stated[at(q, r)]) {
                guarantee_[at(q, r)] = sum;
            } else if (sum > guarantee(q, r)) {
                refuse(names_[q], "guarantee." + resource + ": its children are guaranteed " +
                                      describe_amount(resource, sum) + ", more than its own " +
                                      describe_amount(resource, guarantee(q, r)));
            }
            if (guarantee(q, r) > maximum(q, r)) {
                refuse(names_[q], "guarantee." + resource + ": " +
                                      describe_amount(resource, guarantee(q, r)) +
                                      (stated[at(q, r)] ? "" : " (of its children)") +
                                      " is over its maximum of " + describe_amount(resource, maximum(q, r)));
            }
        }
    }
}

QueueId QueueTree::find(const std::string& name) const {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? kNoQueue : it->second;
}

std::string QueueTree::path(QueueId q) const {
    return parent(q) == 0 ? names_[q] : path(parent(q)) + " › " + names_[q];
}

QueueId QueueTree::leaf_for(const std::string& job, const std::string& queue) const {
    const std::string who = job.empty() ? "job" : "job '" + job + "'";
    if (queue.empty()) throw InvalidModel(who + ": it names no queue; give queue=, or place without queues=");
    const QueueId q = find(queue);
    if (q == kNoQueue) throw InvalidModel(who + ": queue: '" + queue + "' is unknown to the tree");
    if (!leaf(q)) {
        throw InvalidModel(who + ": queue: '" + queue + "' has queues below it; name one of them, like '" +
                           names_[first_child(q)] + "'");
    }
    return q;
}

std::string describe_amount(const std::string& resource, std::int64_t amount) {
    if (amount == QueueTree::kNoLimit) return "no limit of " + resource;
    char text[64];
    if (resource == "memory") {
        std::snprintf(text, sizeof text, "%lld MiB", static_cast<long long>(amount));
        return std::string(text) + " memory";
    }
    if (resource == "cpu" || resource == "gpu") {
        std::snprintf(text, sizeof text, "%.15g", static_cast<double>(amount) / 1000);
        return std::string(text) + (resource == "cpu" ? " CPUs" : " GPUs");
    }
    return std::to_string(amount) + " " + resource;
}

}  // namespace hal

#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "halcore/model/interner.h"
#include "halcore/model/partition.h"
#include "halcore/model/spec.h"

namespace hal {

using ClassId = std::uint32_t;
using KindId = std::uint32_t;

/// One device of a node class, interned.
struct Device {
    std::uint32_t model;
    std::int64_t memory;  // MiB
    std::int32_t domain;
    PartitionId partition = kNoPartition;  // the table by which it may be partitioned
    friend auto operator<=>(const Device&, const Device&) = default;
};

/// The part of a node that filters on labels, taints and devices look at. Nodes that agree share one class,
/// so such a filter runs once a class and shape, not once a node.
struct NodeClass {
    std::vector<Device> devices;
    std::vector<Label> labels;  // sorted by key
    std::vector<Taint> taints;
    bool schedulable = true;
    friend auto operator<=>(const NodeClass&, const NodeClass&) = default;

    /// The value of a label, or nullptr.
    const std::string* label(const std::string& key) const;
    /// All devices are of one model, memory and domain: any permutation of their free shares is the same.
    bool uniform() const;
};

/// A class together with the capacity: empty nodes of one kind are interchangeable.
struct NodeKind {
    ClassId node_class;
    std::vector<std::int64_t> capacity;  // by resource
    friend auto operator<=>(const NodeKind&, const NodeKind&) = default;
};

/// Dense ids for equal values, in the order they were first seen.
template <class Value>
class Table {
  public:
    std::uint32_t intern(const Value& value) {
        auto [it, added] = ids_.try_emplace(value, static_cast<std::uint32_t>(values_.size()));
        if (added) values_.push_back(value);
        return it->second;
    }
    const Value& operator[](std::uint32_t id) const { return values_[id]; }
    std::uint32_t size() const { return static_cast<std::uint32_t>(values_.size()); }

  private:
    std::map<Value, std::uint32_t> ids_;
    std::vector<Value> values_;
};

}  // namespace hal

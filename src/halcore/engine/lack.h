#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "halcore/model/cluster.h"

namespace hal {

/// Resource → base units; "gpu": devices; "gpu slice": memory slices, in a row, of one device.
using Amounts = std::vector<std::pair<std::string, std::int64_t>>;

/// What a node lacks for one task. The less, the fewer resources and then the smaller the sum of the amounts
/// relative to the request.
struct Lack {
    Amounts amounts;
    double relative = 0;

    void add(const std::string& resource, std::int64_t lacking, std::int64_t asked);
    /// How much that is; infinite of most().
    std::pair<std::size_t, double> rank() const {
        return {relative < 0 ? SIZE_MAX : amounts.size(), relative};
    }
    static Lack most() { return {{}, -1}; }
};

/// What nodes would lack for tasks that they have no room for, one after the other. The cluster is only read.
class LackBook {
  public:
    /// `of_capacity`: against what nodes have when they are empty.
    LackBook(const Cluster& cluster, bool of_capacity) : cluster_(cluster), of_capacity_(of_capacity) {}

    /// For the next task of a shape, after those granted.
    Lack lack(const Shape& s, NodeId n) const;
    /// The node is given what it lacks for the task, and the task takes it and what there was.
    void grant(const Shape& s, NodeId n);

  private:
    // What granted tasks took of a node, and the devices it was given for them.
    struct Taken {
        std::vector<std::int64_t> amounts;
        std::vector<std::int32_t> milli;  // by device
        std::vector<Slices> slices;       // by device
        std::vector<std::int32_t> given;  // free milli-GPU of each
    };
    struct Instance {
        int device = -1, start = 0, busy = kSlices + 1;
    };

    std::int64_t have(ResourceId r, NodeId n) const;
    std::vector<int> fitting(const Shape& s, NodeId n) const;
    std::vector<std::size_t> given(const Shape& s, NodeId n) const;
    Instance nearest_instance(const Shape& s, NodeId n) const;
    const Taken* taken(NodeId n) const {
        const auto it = taken_.find(n);
        return it == taken_.end() ? nullptr : &it->second;
    }

    const Cluster& cluster_;
    bool of_capacity_;
    std::map<NodeId, Taken> taken_;
};

}  // namespace hal

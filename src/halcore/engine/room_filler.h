#pragma once

#include <cstdint>
#include <vector>

#include "halcore/engine/engine.h"

namespace hal {

/// Takes as many tasks of a job as find room, for an explanation of what the rest lack: role after role, and
/// in a tree node after node. The caller undoes.
class RoomFiller {
  public:
    /// Tasks of one kind that a job needs at least.
    struct Role {
        ShapeId shape = 0;
        std::int64_t least = 1, slice = 1;
        std::int32_t slice_level = 0;
    };
    /// Positions of the tree.
    struct Block {
        std::int32_t begin = 0, end = 0;
    };

    RoomFiller(Engine& engine, const JobRequest& job, BoundPolicy& bound);

    /// Null: the job is no gang, or there is no tree; tasks go where the policy wants them.
    const NodeTree* tree() const { return tree_; }
    const std::vector<Role>& roles() const { return roles_; }
    const std::vector<std::int64_t>& found() const { return found_; }
    std::int64_t total() const;
    /// The first role with fewer tasks than it needs, else the first.
    std::size_t short_role() const;

    void fill_anywhere();
    /// In a domain, one role first and then the others in their order. Of a role with slices, whole ones
    /// only.
    void fill(std::int32_t domain, std::size_t first);
    /// As many tasks of a role as a block holds, up to a number, whatever its slices.
    std::int64_t fill_block(const Block& block, ShapeId shape, std::int64_t tasks);
    /// Counts tasks of a role that fill_block() took as found.
    void count(std::size_t role, std::int64_t tasks) { found_[role] += tasks; }

    Block block(std::int32_t domain) const;
    /// The topmost domains at a level or below it, and nodes above it alone.
    std::vector<Block> blocks(const Block& all, std::int32_t level) const;
    std::vector<NodeId> nodes_of(const Block& block) const;

    /// What keeps a task away from a node whatever room there is; empty: nothing.
    std::string kept_away(ShapeId shape, NodeId n);
    /// Tasks of the job that have found room, or are to be thought of as if: what rules look at.
    std::vector<TaskPlace>& own() { return own_; }

  private:
    void take(ShapeId shape, NodeId n);
    void fill_role(const Block& all, std::size_t r);

    Engine& engine_;
    Cluster& cluster_;
    BoundPolicy& bound_;
    TraitsId traits_;
    const NodeTree* tree_;
    std::vector<Role> roles_;
    std::vector<std::int64_t> found_;  // by role
    std::vector<TaskPlace> own_;
};

}  // namespace hal

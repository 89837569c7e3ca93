#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "halcore/model/partition.h"
#include "halcore/model/traits.h"

namespace hal {

using NodeId = std::uint32_t;
using ShapeId = std::uint32_t;
inline constexpr NodeId kNoNode = UINT32_MAX;

/// Where one task runs: the node and the set of its devices.
struct TaskPlace {
    NodeId node = kNoNode;
    ShapeId shape = 0;
    std::uint64_t devices = 0;
    TraitsId traits = 0;             // of its job; 0: none
    std::uint8_t start = kAnyStart;  // of a GPU instance: its first memory slice
    friend bool operator==(const TaskPlace&, const TaskPlace&) = default;
};

/// The tasks of a job. Most jobs have one: it is kept in place, so that booking a job allocates nothing.
class TaskList {
  public:
    TaskList() = default;
    TaskList(std::span<const TaskPlace> tasks) : size_(static_cast<std::uint32_t>(tasks.size())) {
        if (size_ > 1) more_ = std::make_unique<TaskPlace[]>(size_);
        std::copy(tasks.begin(), tasks.end(), begin());
    }
    TaskList(const std::vector<TaskPlace>& tasks) : TaskList(std::span<const TaskPlace>(tasks)) {}
    TaskList(const TaskList& other) : TaskList(std::span<const TaskPlace>(other.begin(), other.size_)) {}
    TaskList(TaskList&& other) noexcept
        : one_(other.one_), more_(std::move(other.more_)), size_(std::exchange(other.size_, 0)) {}
    TaskList& operator=(TaskList&& other) noexcept {
        one_ = other.one_;
        more_ = std::move(other.more_);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }
    TaskList& operator=(const TaskList& other) { return *this = TaskList(other); }

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    TaskPlace* begin() { return more_ ? more_.get() : &one_; }
    TaskPlace* end() { return begin() + size_; }
    const TaskPlace* begin() const { return more_ ? more_.get() : &one_; }
    const TaskPlace* end() const { return begin() + size_; }
    TaskPlace& operator[](std::size_t i) { return begin()[i]; }
    const TaskPlace& operator[](std::size_t i) const { return begin()[i]; }
    const TaskPlace& front() const { return *begin(); }

  private:
    TaskPlace one_;
    std::unique_ptr<TaskPlace[]> more_;
    std::uint32_t size_ = 0;
};

}  // namespace hal

#pragma once

#include <algorithm>
#include <vector>

namespace hal {

struct TaskPlace;

/// Follows the books: told of every task that is taken or given back, by undo too, so that what it counts is
/// always what the books say. Only tasks with traits are told of: the others belong to no queue and no rule.
class TaskObserver {
  public:
    virtual ~TaskObserver() = default;
    /// by: 1 taken, -1 given back.
    virtual void changed(const TaskPlace& task, int by) = 0;
};

/// The observers of one cluster. A copy of the cluster starts with none.
class TaskObservers {
  public:
    TaskObservers() = default;
    TaskObservers(const TaskObservers&) {}
    TaskObservers& operator=(const TaskObservers&) { return *this; }

    void add(TaskObserver* observer) { all_.push_back(observer); }
    void remove(TaskObserver* observer) { all_.erase(std::find(all_.begin(), all_.end(), observer)); }
    void tell(const TaskPlace& task, int by) const {
        for (TaskObserver* observer : all_) observer->changed(task, by);
    }

  private:
    std::vector<TaskObserver*> all_;
};

}  // namespace hal

// Marks, and the way back to them.
#include <utility>

#include "halcore/model/cluster.h"

namespace hal {

Cluster::Undo* Cluster::last_record() {
    return undo_.size() > marks_.back().begin ? &undo_.back() : nullptr;
}

void Cluster::remember(std::function<void(Cluster&)> undo) {
    undo_structure_.push_back(std::move(undo));
    undo_.push_back({Undo::Structure, 0});
}

Cluster::Mark Cluster::mark() {
    marks_.push_back({version_, undo_.size()});
    return undo_.size();
}

void Cluster::rollback(Mark mark) {
    undoing_ = true;  // which is not recorded
    while (undo_.size() > mark) {
        const Undo last = undo_.back();
        undo_.pop_back();
        undo(last);
    }
    undoing_ = false;
    version_ = marks_.back().version;
    marks_.pop_back();
}

// The latest first, where one record says several things.
void Cluster::undo(const Undo& last) {
    TaskPlace task;
    if (last.what & Undo::AddJob) {
        task = jobs_[last.of].tasks.front();
        drop_job(last.of);
    } else if (last.what & (Undo::Take | Undo::Give)) {
        task = undo_tasks_.back();
        undo_tasks_.pop_back();
    }
    if (last.what & Undo::Take) {
        adjust(task, -1);
        --tasks_taken_;
    }
    if (last.what & Undo::Seen) {
        --seen_[last.what & Undo::Take ? task.shape : last.of];
        --seen_total_;
    }
    if (last.what == Undo::Give) adjust(task, 1);
    if (last.what == Undo::DropJob) {
        auto& [id, job] = undo_jobs_.back();
        free_jobs_.pop_back();  // undone in reverse order, so it is the last one freed
        if (!job.name().empty()) job_by_name_.emplace(job.name(), id);
        jobs_[id] = std::move(job);
        ++live_jobs_;
        undo_jobs_.pop_back();
    }
    if (last.what == Undo::SetTasks) {
        jobs_[undo_jobs_.back().first] = std::move(undo_jobs_.back().second);
        undo_jobs_.pop_back();
    }
    if (last.what == Undo::Structure) {
        const auto before = std::move(undo_structure_.back());
        undo_structure_.pop_back();
        before(*this);
    }
}

void Cluster::keep(Mark) {
    marks_.pop_back();
    if (!marks_.empty()) return;
    undo_.clear();
    undo_tasks_.clear();
    undo_jobs_.clear();
    undo_structure_.clear();
}

}  // namespace hal

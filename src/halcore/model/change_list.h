#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hal {

/// Which of n things changed since a moment, each named once: a list with the latest change in front.
/// Touching costs O(1); reading the k things changed since a stamp costs O(k), however often each changed.
class ChangeList {
  public:
    static constexpr std::uint32_t kEnd = UINT32_MAX;

    std::uint64_t clock() const { return clock_; }
    std::uint32_t size() const { return static_cast<std::uint32_t>(links_.size()); }
    std::uint64_t stamp(std::uint32_t i) const { return links_[i].stamp; }
    /// When thing i last changed in a way that may have opened room (released, added, updated).
    std::uint64_t freed(std::uint32_t i) const { return links_[i].freed; }

    /// When anything last changed in such a way.
    std::uint64_t last_freed() const { return last_freed_; }

    void add() {
        links_.push_back({0, 0, kEnd, kEnd});
        touch(size() - 1, true);
    }
    void touch(std::uint32_t i, bool frees) {
        Link& link = links_[i];
        link.stamp = ++clock_;
        if (frees) link.freed = last_freed_ = clock_;
        if (head_ == i) return;
        if (link.previous != kEnd) links_[link.previous].next = link.next;
        if (link.next != kEnd) links_[link.next].previous = link.previous;
        link.previous = kEnd;
        link.next = head_;
        if (head_ != kEnd) links_[head_].previous = i;
        head_ = i;
    }
    /// Calls f(i) for each thing changed after `since`, latest change first.
    template <class F>
    void since(std::uint64_t since, F&& f) const {
        for (std::uint32_t i = head_; i != kEnd && links_[i].stamp > since; i = links_[i].next) f(i);
    }

    std::size_t bytes() const { return links_.capacity() * sizeof(Link); }

  private:
    struct Link {
        std::uint64_t stamp, freed;
        std::uint32_t previous, next;
    };
    std::vector<Link> links_;
    std::uint32_t head_ = kEnd;
    std::uint64_t clock_ = 0, last_freed_ = 0;
};

}  // namespace hal

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "halcore/model/huge_pages.h"

namespace hal {

/// Which of n things changed since a moment, each named once: a log of the changes, of which a thing's latest
/// counts. Touching costs O(1) on average and writes to no other thing; reading costs O(changes since), and
/// never more than O(n), as what is overtaken leaves the log when that is several times as long as there are
/// things.
class ChangeList {
  public:
    std::uint64_t clock() const { return clock_; }
    std::uint32_t size() const { return static_cast<std::uint32_t>(things_.size()); }
    std::uint64_t stamp(std::uint32_t i) const { return things_[i].stamp; }
    /// When thing i last changed in a way that may have opened room (released, added, updated).
    std::uint64_t freed(std::uint32_t i) const { return things_[i].freed; }

    /// When anything last changed in such a way.
    std::uint64_t last_freed() const { return last_freed_; }

    void add() {
        things_.push_back({0, 0, kNowhere});
        touch(size() - 1, true);
    }
    void touch(std::uint32_t i, bool frees) {
        Thing& thing = things_[i];
        thing.stamp = ++clock_;
        if (frees) thing.freed = last_freed_ = clock_;
        if (!log_.empty() && log_.back() == i) return;
        if (log_.size() >= kLength * things_.size() + kSlack) drop_overtaken();
        thing.at = static_cast<std::uint32_t>(log_.size());
        log_.push_back(i);
    }
    /// Calls f(i) for each thing changed after `since`, latest change first.
    template <class F>
    void since(std::uint64_t since, F&& f) const {
        for (std::size_t k = log_.size(); k-- > 0;) {
            const Thing& thing = things_[log_[k]];
            if (thing.at != k) continue;
            if (thing.stamp <= since) return;
            f(log_[k]);
        }
    }

    /// The same into `out`, of those that keep(i, freed(i)) says 1 of and not 0; returns how many. Without
    /// branches that cannot be foreseen, for those who ask often. `out` has room for all things, and one
    /// more.
    template <class Keep>
    std::size_t since(std::uint64_t since, std::uint32_t* out, Keep&& keep) const {
        std::size_t count = 0;
        for (std::size_t k = log_.size(); k-- > 0;) {
            const std::uint32_t i = log_[k];
            const Thing& thing = things_[i];
            if (thing.stamp <= since) break;  // overtaken entries are of things that changed later still
            out[count] = i;
            count += static_cast<std::size_t>((thing.at == k) & keep(i, thing.freed));
        }
        return count;
    }

    void prefetch(std::uint32_t i) const { __builtin_prefetch(things_.data() + i, 1); }

    std::size_t bytes() const {
        return things_.capacity() * sizeof(Thing) + log_.capacity() * sizeof(std::uint32_t);
    }

  private:
    static constexpr std::uint32_t kNowhere = UINT32_MAX;
    static constexpr std::size_t kLength = 4, kSlack = 64;

    struct Thing {
        std::uint64_t stamp, freed;
        std::uint32_t at;  // in the log; kNowhere: not yet
    };
    [[gnu::noinline]] void drop_overtaken() {
        std::uint32_t kept = 0;
        for (std::uint32_t k = 0; k < log_.size(); ++k) {
            const std::uint32_t i = log_[k];
            const bool latest = things_[i].at == k;
            log_[kept] = i;
            things_[i].at = latest ? kept : things_[i].at;
            kept += latest;
        }
        log_.resize(kept);
    }

    std::vector<Thing, HugePages<Thing>> things_;
    std::vector<std::uint32_t> log_;
    std::uint64_t clock_ = 0, last_freed_ = 0;
};

}  // namespace hal

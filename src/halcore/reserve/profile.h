#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace hal::reserve {

/// How much of one resource is free from now to the end of time: a step function that reservations lower.
///
/// Times are whole seconds (any epoch), amounts whole base units; a free amount may be negative where the
/// resource is promised twice. Steps lie in blocks of at most 64, each with its least and greatest amount
/// and a pending change, so that changes and searches pass over most blocks without opening them: with n
/// steps a change costs O(n / 64), and a search as much plus a few blocks in each length of the window that
/// is asked for. Neighbouring steps of equal amount are one step.
class AvailabilityProfile {
  public:
    using Time = std::int64_t;
    using Amount = std::int64_t;
    static constexpr Time kNever = std::numeric_limits<Time>::max();

    /// `capacity` is free from `begin` on; nothing is known of the time before.
    explicit AvailabilityProfile(Amount capacity, Time begin = 0);
    AvailabilityProfile(const AvailabilityProfile&) = delete;
    AvailabilityProfile& operator=(const AvailabilityProfile&) = delete;
    AvailabilityProfile(AvailabilityProfile&&) = default;
    AvailabilityProfile& operator=(AvailabilityProfile&&) = default;

    Time begin() const { return first_.front(); }
    std::size_t steps() const;
    Amount free_at(Time time) const;
    /// Least (greatest) free amount in [begin, end), which must not be empty.
    Amount min_free(Time begin, Time end) const;
    Amount max_free(Time begin, Time end) const;

    /// Adds `change` to what is free in [begin, end): negative to reserve, positive to release.
    /// Nothing happens when the window is empty. `end` may be kNever.
    void add(Time begin, Time end, Amount change);

    /// First t >= from such that `amount` is free throughout [t, t + duration), kNever if there is none.
    Time earliest(Time from, Time duration, Amount amount) const {
        return earliest(from, duration, amount, kNever);
    }
    /// The same, with everything taken to be free from `cap` on; at most `cap`, if `from` is.
    Time earliest(Time from, Time duration, Amount amount, Time cap) const;

    /// Drops most of the steps that end at or before `time`, to bound memory as time goes by.
    void forget_before(Time time);

    /// Calls visit(begin, free) for every step in order of time.
    template <class Visit>
    void for_each_step(Visit visit) const {
        for (std::size_t b = 0; b < blocks_.size(); ++b)
            for (int i = 0; i < blocks_[b]->count; ++i)
                visit(blocks_[b]->time[i], blocks_[b]->free[i] + pending_[b]);
    }

  private:
    static constexpr int kBlock = 64;
    struct Block {
        int count = 0;
        Time time[kBlock];    // increasing; a step lasts to the next one, the very last for ever
        Amount free[kBlock];  // without the block's pending change
    };
    struct Place {
        std::size_t block;
        int index;
    };

    Place locate(Time time) const;
    Amount at(Place place) const { return blocks_[place.block]->free[place.index] + pending_[place.block]; }
    bool next_start(Place& place, Time from, Time duration, Amount amount, Time cap) const;
    int last_below(std::size_t block, int last, int first, Amount amount) const;
    bool last_below(Place first, Place last, Amount amount, Place& found) const;
    Place split(Time time);
    Place before(Place place) const;
    Place after(Place place) const;
    void merge(Place place);
    void summarise(std::size_t block);
    void divide(std::size_t block);
    template <class Pick>
    Amount extreme(Time begin, Time end, const std::vector<Amount>& summary, Pick pick) const;

    // By block, apart from the steps so that scans over blocks read nothing else.
    std::vector<Time> first_;
    std::vector<Amount> least_;     // with the pending change
    std::vector<Amount> greatest_;  // likewise
    std::vector<Amount> pending_;
    std::vector<std::unique_ptr<Block>> blocks_;
};

}  // namespace hal::reserve

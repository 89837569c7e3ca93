#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <span>
#include <vector>

#include "halcore/replay/job_table.h"

namespace hal::replay {

/// When a job may follow another: the other ended well, ended in whatever way, or has started.
enum class After : std::uint8_t { Ok, Any, Start };

/// Job `row` enters the queue no earlier than `delay` seconds after what it waits for; one entry a
/// dependency.
struct DependencyColumns {
    std::span<const std::uint32_t> row;
    std::span<const std::uint32_t> other;
    std::span<const std::uint8_t> kind;  // After
    std::span<const Seconds> delay;
};

/// The jobs of a log that wait for others before they enter the queue. Told of starts and ends, it hands them
/// out when the last of what they wait for has happened. A job that waits for the good end of one that failed
/// or never ran, or for the start of one that never ran, never runs itself.
/// Cost: O(log jobs) a dependency; memory linear in jobs and dependencies.
class Dependencies {
  public:
    struct Entry {
        Seconds at;
        std::uint32_t row;
        friend bool operator>(const Entry& a, const Entry& b) {
            return (a.at > b.at) | ((a.at == b.at) & (a.row > b.row));
        }
    };

    /// InvalidModel for columns of several lengths, rows out of range and negative delays. `failed` may be
    /// empty: all jobs end well.
    Dependencies(const DependencyColumns& columns, std::span<const Seconds> submit,
                 std::span<const std::uint8_t> failed);

    /// Whether the job waits for another, or did.
    bool has(std::uint32_t row) const { return !first_.empty() && depends_[row]; }
    /// Jobs that wait for nothing more, by the time at which they enter the queue, ties by row.
    bool none_ready() const { return ready_.empty(); }
    const Entry& next() const { return ready_.top(); }
    void pop() { ready_.pop(); }
    /// How many jobs never run because of what they wait for.
    std::size_t dropped() const { return dropped_; }

    void started(Seconds now, std::uint32_t row) {
        if (!first_.empty()) tell(now, row, Event::Started);
    }
    void ended(Seconds now, std::uint32_t row) {
        if (!first_.empty()) tell(now, row, failed(row) ? Event::Failed : Event::Ended);
    }

  private:
    enum class Event : std::uint8_t { Started, Ended, Failed, Dropped };
    struct Link {
        std::uint32_t row;
        After kind;
        Seconds delay;
    };

    bool failed(std::uint32_t row) const { return !failed_.empty() && failed_[row]; }
    void tell(Seconds now, std::uint32_t row, Event event);
    void follow(Seconds now, const Link& link, Event event, std::vector<std::uint32_t>& never);

    std::span<const std::uint8_t> failed_;
    std::vector<std::size_t> first_;  // by row: its followers are links first_[row] … first_[row + 1]
    std::vector<Link> links_;
    std::vector<std::uint8_t> depends_;     // by row
    std::vector<std::uint32_t> pending_;    // by row: what it still waits for
    std::vector<Seconds> earliest_;         // by row
    std::vector<std::uint8_t> is_dropped_;  // by row
    std::size_t dropped_ = 0;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready_;
};

}  // namespace hal::replay

#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

namespace hal {

/// A cache that holds a dataset: its position in the tree, and the dataset's slot in that cache's list.
struct Holder {
    std::int32_t position;
    std::int32_t slot;
};

/// The holders of one dataset, sorted by position. Most datasets are in a few caches, so six are kept in
/// place: with the dataset's size they fill one cache line, and nothing is allocated.
class HolderList {
  public:
    HolderList() = default;
    ~HolderList() { drop(); }
    HolderList(HolderList&& other) noexcept { steal(other); }
    HolderList& operator=(HolderList&& other) noexcept {
        if (this != &other) {
            drop();
            steal(other);
        }
        return *this;
    }

    std::uint32_t size() const { return size_; }
    Holder* data() { return room_ ? heap_ : inline_; }
    const Holder* data() const { return room_ ? heap_ : inline_; }
    std::span<const Holder> view() const { return {data(), size_}; }

    /// The first holder at or after a position.
    std::uint32_t lower_bound(std::int32_t position) const {
        const Holder* const begin = data();
        return static_cast<std::uint32_t>(
            std::lower_bound(begin, begin + size_, position,
                             [](const Holder& h, std::int32_t p) { return h.position < p; }) -
            begin);
    }
    Holder* find(std::int32_t position) {
        const std::uint32_t at = lower_bound(position);
        return at < size_ && data()[at].position == position ? data() + at : nullptr;
    }
    void insert(Holder holder) {
        const std::uint32_t at = lower_bound(holder.position);
        if (size_ == (room_ ? room_ : kInline)) grow();
        Holder* const begin = data();
        std::move_backward(begin + at, begin + size_, begin + size_ + 1);
        begin[at] = holder;
        ++size_;
    }
    void erase(Holder* holder) {
        std::move(holder + 1, data() + size_, holder);
        --size_;
    }

  private:
    static constexpr std::uint32_t kInline = 6;

    void drop() {
        if (room_) delete[] heap_;
    }
    void steal(HolderList& other) noexcept {
        size_ = std::exchange(other.size_, 0);
        room_ = std::exchange(other.room_, 0);
        if (room_)
            heap_ = other.heap_;
        else
            std::copy_n(other.inline_, size_, inline_);
    }
    void grow() {
        const std::uint32_t room = size_ * 2;
        auto* const wider = new Holder[room];
        std::copy_n(data(), size_, wider);
        drop();
        heap_ = wider;
        room_ = room;
    }

    std::uint32_t size_ = 0;
    std::uint32_t room_ = 0;  // 0: in place
    union {
        Holder inline_[kInline] = {};
        Holder* heap_;
    };
};

}  // namespace hal

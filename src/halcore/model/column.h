#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <type_traits>

#include "halcore/model/huge_pages.h"

namespace hal {

/// A growable array whose buffer is shared with the views handed out: growing moves the data to a new
/// buffer and leaves the old one to the views that hold it, so a view never dangles.
template <class T>
class Column {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    Column() = default;
    Column(const Column& other) { assign(other.data(), other.size_); }
    Column& operator=(const Column& other) {
        if (this != &other) assign(other.data(), other.size_);
        return *this;
    }
    Column(Column&&) noexcept = default;
    Column& operator=(Column&&) noexcept = default;

    T* data() { return buffer_.get(); }
    const T* data() const { return buffer_.get(); }
    std::size_t size() const { return size_; }
    T& operator[](std::size_t i) { return buffer_[i]; }
    const T& operator[](std::size_t i) const { return buffer_[i]; }
    std::shared_ptr<T[]> share() const { return buffer_; }

    void assign(const T* values, std::size_t n) {
        buffer_ = make(n);
        capacity_ = size_ = n;
        std::copy_n(values, n, buffer_.get());
    }
    void resize(std::size_t n, T fill = T{}) {
        if (n > capacity_) {
            const std::size_t grown = std::max(n, capacity_ + capacity_ / 2);
            std::shared_ptr<T[]> next = make(grown);
            std::copy_n(buffer_.get(), size_, next.get());
            buffer_ = std::move(next);
            capacity_ = grown;
        }
        if (n > size_) std::fill(buffer_.get() + size_, buffer_.get() + n, fill);
        size_ = n;
    }
    void push_back(T value) {
        resize(size_ + 1);
        buffer_[size_ - 1] = value;
    }
    std::size_t bytes() const { return capacity_ * sizeof(T); }

  private:
    static std::shared_ptr<T[]> make(std::size_t n) {
        return {HugePages<T>().allocate(n), [n](T* buffer) { HugePages<T>().deallocate(buffer, n); }};
    }

    std::shared_ptr<T[]> buffer_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace hal

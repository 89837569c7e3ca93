#pragma once

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "halcore/c_api/hal.h"

// What every function of the C interface does at its door: errors become a status, structs are checked by
// size.
namespace hal::c_api {

/// A caller's mistake: HAL_ERROR_ARGUMENT.
class Misuse : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// The status of the exception in flight; its words become hal_last_error().
int failed() noexcept;

/// Runs f; nothing that it throws leaves.
template <class F>
int guarded(F&& f) noexcept {
    try {
        f();
        return HAL_OK;
    } catch (...) {
        return failed();
    }
}

template <class T>
T& given(T* pointer, const char* what) {
    if (!pointer) throw Misuse(std::string(what) + ": is NULL");
    return *pointer;
}

inline std::string text(const char* from, const char* what) {
    return &given(from, what);
}
inline std::string text_or_empty(const char* from) {
    return from ? from : "";
}

/// The size that a struct had in the first version of the interface: what a caller must at least bring. When
/// a field is appended, its struct gets a specialisation with the old size.
template <class T>
inline constexpr std::size_t kFirstSize = sizeof(T);

inline constexpr std::size_t kLargestStruct = 4096;

inline void check_size(std::size_t size, std::size_t least, const char* what) {
    if (size < least || size > kLargestStruct) {
        throw Misuse(std::string(what) + ": its size is " + std::to_string(size) + ", must be at least " +
                     std::to_string(least) + "; set it to sizeof");
    }
}

/// A copy of a caller's struct, which may be of an older (shorter) or newer (longer) version. What a newer
/// one says in fields unknown here must be nothing.
template <class T>
T read(const T* from, const char* what) {
    const std::size_t size = given(from, what).size;
    check_size(size, kFirstSize<T>, what);
    T copy{};
    std::memcpy(&copy, from, std::min(size, sizeof(T)));
    const auto* const bytes = reinterpret_cast<const unsigned char*>(from);
    if (size > sizeof(T) && std::any_of(bytes + sizeof(T), bytes + size, [](unsigned char b) { return b; })) {
        throw Misuse(std::string(what) + ": sets a field that this version of the library does not know");
    }
    return copy;
}

/// Calls f(element) for each element of a caller's array, whose elements are all of the first one's size.
template <class T, class F>
void each(const T* items, std::size_t count, const char* what, F&& f) {
    if (count == 0) return;
    const std::size_t stride = given(items, what).size;
    check_size(stride, kFirstSize<T>, what);
    if (stride % alignof(T)) throw Misuse(std::string(what) + ": its size is no multiple of its alignment");
    const auto* const bytes = reinterpret_cast<const unsigned char*>(items);
    for (std::size_t i = 0; i < count; ++i) {
        const T* const item = reinterpret_cast<const T*>(bytes + i * stride);
        if (item->size != stride) {
            throw Misuse(std::string(what) + "[" + std::to_string(i) + "]: its size is " +
                         std::to_string(item->size) + ", the first one's " + std::to_string(stride));
        }
        f(read(item, what));
    }
}

/// Fills a caller's struct as far as it goes, and zeroes what it has beyond.
template <class T>
void write(T* to, T value, const char* what) {
    const std::size_t size = given(to, what).size;
    check_size(size, kFirstSize<T>, what);
    const std::size_t filled = std::min(size, sizeof(T));
    value.size = filled;
    std::memset(static_cast<void*>(to), 0, size);
    std::memcpy(static_cast<void*>(to), &value, filled);
}

}  // namespace hal::c_api

#pragma once

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hal {

/// Asks for huge pages under what a vector has reserved and is about to be filled, one entry after the other:
/// with pages of 4 KiB a fifth of a batch's time went to the system, handing out page after page. Acts once
/// in a few thousand entries, and where the system grants them; call it before each entry.
template <class T>
void fill_huge_pages([[maybe_unused]] std::vector<T>& filled) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    constexpr std::size_t kPage = std::size_t{1} << 21, kEvery = std::size_t{1} << 13;
    if (filled.size() % kEvery != kEvery / 2) return;  // not at 0, where every small batch begins
    const auto begin = reinterpret_cast<std::uintptr_t>(filled.data() + filled.size());
    const auto end = reinterpret_cast<std::uintptr_t>(filled.data() + filled.capacity());
    const auto first = (begin + kPage - 1) / kPage * kPage, last = end / kPage * kPage;
    if (first < last) (void)madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
}

}  // namespace hal

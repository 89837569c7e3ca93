#pragma once

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstddef>
#include <new>

namespace hal {

/// Memory for books that a batch fills at once. Pages of 4 KiB handed out at each first touch were a quarter
/// of a batch's time; so what is large is aligned to pages of 2 MiB, and they are asked for. A wish: where
/// the system does not grant it, nothing changes.
template <class T>
struct HugePages {
    using value_type = T;
    static constexpr std::size_t kHuge = std::size_t{1} << 21;

    HugePages() = default;
    template <class U>
    HugePages(const HugePages<U>&) {}

    T* allocate(std::size_t n) {
        const std::size_t bytes = n * sizeof(T);
        if (bytes < kHuge / 2) return static_cast<T*>(::operator new(bytes, std::align_val_t{alignof(T)}));
        const std::size_t pages = (bytes + kHuge - 1) / kHuge * kHuge;
        void* const memory = ::operator new(pages, std::align_val_t{kHuge});
#if defined(__linux__) && defined(MADV_HUGEPAGE)
        (void)madvise(memory, pages, MADV_HUGEPAGE);
#endif
        return static_cast<T*>(memory);
    }
    void deallocate(T* memory, std::size_t n) {
        const bool huge = n * sizeof(T) >= kHuge / 2;
        ::operator delete(memory, std::align_val_t{huge ? kHuge : alignof(T)});
    }
    friend bool operator==(HugePages, HugePages) { return true; }
};

}  // namespace hal

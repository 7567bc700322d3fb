#include "base/host_memory.hpp"

#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <cstdint>
#include <limits>

namespace moescope {

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

void prefer_huge_pages([[maybe_unused]] void* begin, [[maybe_unused]] std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  std::size_t const page = std::size_t(2) << 20, skipped = (page - reinterpret_cast<std::uintptr_t>(begin) % page) % page;
  if (bytes < skipped + page) return;
  auto* const first = static_cast<char*>(begin) + skipped;
  madvise(first, (bytes - skipped) / page * page, MADV_HUGEPAGE);  // a wish: nothing is lost if refused
#endif
}

}  // namespace moescope

#pragma once
#include <cstddef>

namespace moescope {

/// Keeps memory that is freed in the process for its next allocation, where the C library can be told so (glibc). By default
/// large blocks go back to the system at once, and each step faults them in again, page by page.
void keep_freed_memory();

/// Asks the system to back [begin, begin + bytes), not touched yet, with huge pages, where it offers them: products walk over
/// weights with strides of many small pages.
void prefer_huge_pages(void* begin, std::size_t bytes);

}  // namespace moescope

#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace moescope::fuzz {

/// A file that lives in memory only, with a path under which it can be opened.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : descriptor_(::memfd_create("input", 0)) {
    while (!bytes.empty()) {
      auto const written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written <= 0) break;
      bytes.remove_prefix(std::size_t(written));
    }
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(MemoryFile const&) = delete;
  MemoryFile& operator=(MemoryFile const&) = delete;
  std::string path() const { return folder() + "/" + name(); }
  static std::string folder() { return "/proc/self/fd"; }
  std::string name() const { return std::to_string(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace moescope::fuzz

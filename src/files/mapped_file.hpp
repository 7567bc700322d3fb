#pragma once
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"

namespace moescope {

/// A regular file mapped read-only into memory. Throws UserError naming the file and the system's reason.
class MappedFile {
 public:
  explicit MappedFile(std::string const& path) {
    int const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) throw UserError(path + ": cannot be opened: " + std::strerror(errno) + ".");
    std::string const problem = map(file);
    ::close(file);
    if (!problem.empty()) throw UserError(path + ": cannot be read: " + problem + ".");
  }
  MappedFile(MappedFile&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile() {
    if (data_ != nullptr) ::munmap(data_, std::size_t(size_));
  }

  std::int64_t size() const { return size_; }  ///< bytes
  char const* data() const { return static_cast<char const*>(data_); }
  std::string_view bytes() const { return {data(), std::size_t(size_)}; }

 private:
  /// Empty, or what went wrong. An empty file stays unmapped, since mmap refuses a length of zero.
  std::string map(int file) {
    struct stat status {};
    if (::fstat(file, &status) != 0) return std::strerror(errno);
    if (S_ISDIR(status.st_mode)) return "it is a folder";
    if (!S_ISREG(status.st_mode)) return "it is not a regular file";
    if (status.st_size == 0) return {};
    void* const mapped = ::mmap(nullptr, std::size_t(status.st_size), PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) return std::strerror(errno);
    data_ = mapped;
    size_ = std::int64_t(status.st_size);
    return {};
  }

  void* data_ = nullptr;
  std::int64_t size_ = 0;
};

/// The bytes of a whole file.
inline std::string read_text(std::string const& path) { return std::string(MappedFile(path).bytes()); }

}  // namespace moescope

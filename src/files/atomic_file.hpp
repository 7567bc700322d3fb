#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace moescope {

/// A file that appears under its name only when it is complete: written beside it, then renamed. Without `commit` nothing
/// is left behind. Throws UserError naming the file and the system's reason (permission, full disk).
class AtomicFile {
 public:
  explicit AtomicFile(std::string path)
      : path_(std::move(path)),
        temporary_(path_ + ".tmp" + std::to_string(::getpid())),
        file_(std::fopen(temporary_.c_str(), "wb")) {
    if (file_ == nullptr) fail();
  }
  AtomicFile(AtomicFile&& other) noexcept
      : path_(std::move(other.path_)), temporary_(std::move(other.temporary_)), file_(std::exchange(other.file_, nullptr)) {}
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile() {
    if (file_ == nullptr) return;
    std::fclose(file_);
    std::remove(temporary_.c_str());
  }

  void write(void const* data, std::size_t bytes) {
    if (bytes > 0 && std::fwrite(data, 1, bytes, file_) != bytes) fail();
  }
  void commit() {
    if (std::fflush(file_) != 0 || ::fsync(::fileno(file_)) != 0) fail();
    if (std::fclose(std::exchange(file_, nullptr)) != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
      int const reason = errno;
      std::remove(temporary_.c_str());
      errno = reason;
      fail();
    }
  }

 private:
  [[noreturn]] void fail() const { throw UserError(path_ + ": cannot be written: " + std::strerror(errno) + "."); }

  std::string path_, temporary_;
  std::FILE* file_;
};

/// Brings a file's content, or a folder's entries, to the disk. Throws UserError.
inline void synchronise(std::string const& path) {
  int const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  bool const done = file >= 0 && ::fsync(file) == 0;
  int const reason = errno;
  if (file >= 0) ::close(file);
  if (!done) throw UserError(path + ": cannot be brought to the disk: " + std::strerror(reason) + ".");
}

}  // namespace moescope

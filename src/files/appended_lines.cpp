#include "files/appended_lines.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/error.hpp"

namespace moescope {

namespace {

namespace fs = std::filesystem;

/// Before a lock is made beside it.
std::string const& regular(std::string const& path, std::string const& advice) {
  std::error_code error;
  if (!fs::path(path).has_filename()) throw UserError(fmt::format("{} names a folder: {}", path, advice));
  if (auto const kind = fs::status(path, error).type(); kind != fs::file_type::regular && kind != fs::file_type::not_found)
    throw UserError(
        fmt::format("{} is {}: {}", path, kind == fs::file_type::directory ? "a folder" : "not a regular file", advice));
  return path;
}

bool ends_within_a_line(int file) {
  auto const size = ::lseek(file, 0, SEEK_END);
  char last = '\n';
  return size > 0 && ::pread(file, &last, 1, size - 1) == 1 && last != '\n';
}

bool write_whole(int file, std::string_view text) {
  while (!text.empty()) {
    auto const written = ::write(file, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(std::size_t(written));
  }
  return true;
}

}  // namespace

AppendedLines::AppendedLines(std::string const& path, std::string const& advice)
    : path_(regular(path, advice)),
      advice_(advice),
      lock_(path, advice),
      file_(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (file_ < 0) throw UserError(fmt::format("{}: cannot be opened: {}; {}", path_, std::strerror(errno), advice_));
  cut_off_ = ends_within_a_line(file_);
}

AppendedLines::~AppendedLines() { ::close(file_); }

void AppendedLines::append(std::string const& line) {
  auto const before = ::lseek(file_, 0, SEEK_END);
  if (!write_whole(file_, fmt::format("{}{}\n", cut_off_ ? "\n" : "", line))) {
    auto const* reason = std::strerror(errno);
    [[maybe_unused]] int const taken_back = ::ftruncate(file_, before);
    throw UserError(fmt::format("{}: cannot be written: {}; {}", path_, reason, advice_));
  }
  cut_off_ = false;
  lock_.refresh();
}

}  // namespace moescope

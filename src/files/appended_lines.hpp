#pragma once
#include <string>

#include "files/lock.hpp"

namespace moescope {

/// A text file that this process alone adds lines to. Each line is handed to the system at once and whole: one that does not fit
/// any more is taken back. What the file holds already stays; where its last line was cut off, that one is ended first.
class AppendedLines {
 public:
  /// Makes the file, and folders above it, where they are missing. Throws UserError, with `advice` on what to do instead, where
  /// `path` is no regular file, may not be written, or another process adds to it.
  AppendedLines(std::string const& path, std::string const& advice);
  ~AppendedLines();
  AppendedLines(AppendedLines const&) = delete;
  AppendedLines& operator=(AppendedLines const&) = delete;

  /// `line` has no end of line. Throws UserError with the system's reason.
  void append(std::string const& line);

 private:
  std::string const path_, advice_;
  Lock const lock_;
  int file_ = -1;
  bool cut_off_ = false;  ///< the last line that the file held has no end
};

}  // namespace moescope

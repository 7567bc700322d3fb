#pragma once
#include <chrono>
#include <optional>
#include <string>

namespace moescope {

/// Only a shell expands ~, and only outside of quotes: a folder of that name is not what was meant. Throws UserError beginning
/// with `what`, the option or key that holds the path to write to.
void refuse_tilde(std::string const& what, std::string const& path);

/// Who made the lock of a path.
struct LockHolder {
  std::string host;  ///< empty: unreadable
  long process = 0;
  std::optional<bool> alive;  ///< empty: another host's to know
};
/// Empty where there is no lock.
std::optional<LockHolder> lock_holder(std::string const& path);

/// One process's claim on what it writes at `path`: the file `PATH.lock` beside it, made exclusively (which needs no locks of the
/// file system), holding host and process. Removed when the object dies; a process that was killed leaves it, and the next one
/// takes it over where it can tell that the holder is gone: on the same host from the system, on another one when the lock shows
/// no sign of life for `lost_after`.
class Lock {
 public:
  static constexpr std::chrono::minutes lost_after{15};

  /// Makes the folder above where it is missing. Throws UserError naming the holder, with `advice` on what to do instead, where
  /// there is one, and the system's reason where the lock cannot be made.
  Lock(std::string const& path, std::string const& advice);
  ~Lock();
  Lock(Lock&& other) noexcept;
  Lock& operator=(Lock&&) = delete;

  /// A sign of life, for those on other hosts; to be given more often than `lost_after`.
  void refresh() const;

 private:
  std::string file_;  ///< empty after a move
};

}  // namespace moescope

#include "files/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/error.hpp"
#include "base/host.hpp"
#include "files/real_path.hpp"

namespace moescope {

namespace fs = std::filesystem;

namespace {

struct Holder {
  std::string host;
  long process = 0;
  std::string started;  ///< in the system's clock ticks: another process may have got the number
};

/// Field 22 of /proc/PID/stat, counted from behind the name in parentheses; empty where there is no such process, or only what
/// its parent has not fetched yet (state Z).
std::string start_of(long process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string text, state, field;
  std::getline(file, text);
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  fields >> state;
  for (int i = 4; i <= 22 && fields >> field; ++i) {
  }
  return fields && state != "Z" && state != "X" ? field : "";
}

Holder read_holder(std::string const& path) {
  Holder holder;
  std::ifstream file(path);
  file >> holder.host >> holder.process >> holder.started;
  return holder;
}

bool lives(Holder const& holder) { return holder.process > 0 && start_of(holder.process) == holder.started; }

std::string lock_of(std::string const& path) { return real_path(path).string() + ".lock"; }  // one for all the ways to it

bool is_gone(std::string const& path, Holder const& holder) {
  if (holder.host == host_name()) return !lives(holder);
  std::error_code error;
  auto const sign_of_life = fs::last_write_time(path, error);
  return !error && fs::file_time_type::clock::now() - sign_of_life > Lock::lost_after;
}

/// False where the file is there already.
bool make(std::string const& path) {
  int const file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0 && errno == EEXIST) return false;
  auto const text = fmt::format("{} {} {}\n", host_name(), ::getpid(), start_of(::getpid()));
  bool const written = file >= 0 && ::write(file, text.data(), text.size()) == ssize_t(text.size());
  auto const* reason = std::strerror(errno);
  if (file >= 0) ::close(file);
  if (file >= 0 && !written) ::unlink(path.c_str());
  if (!written) throw UserError(fmt::format("{}: cannot be made: {}", path, reason));
  return true;
}

/// Of a holder that is gone. Those who come for it at once do so one after the other, where the file system has locks.
void remove_left(std::string const& path) {
  int const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  ::flock(file, LOCK_EX);
  struct stat opened {
  }, named{};
  bool const same = ::fstat(file, &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino;
  bool const stays = same && ::unlink(path.c_str()) != 0;
  auto const* reason = std::strerror(errno);
  ::close(file);
  if (stays) throw UserError(fmt::format("{}: is left by a run that has ended and cannot be removed: {}", path, reason));
}

void make_folder_above(std::string const& path) {
  auto const folder = fs::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) fs::create_directories(folder, error);
  if (error) throw UserError(fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
}

}  // namespace

void refuse_tilde(std::string const& what, std::string const& path) {
  if (path == "~" || path.starts_with("~/"))
    throw UserError(
        fmt::format("{} {}: ~ is not expanded here; write $HOME outside of single quotes, or the path itself", what, path));
}

std::optional<LockHolder> lock_holder(std::string const& path) {
  auto const name = lock_of(path);
  std::error_code error;
  if (!fs::exists(name, error)) return std::nullopt;
  auto const holder = read_holder(name);
  LockHolder result{holder.host, holder.process, {}};
  if (holder.host == host_name()) result.alive = lives(holder);
  return result;
}

Lock::Lock(std::string const& path, std::string const& advice) {
  make_folder_above(path);
  auto const name = lock_of(path);
  while (!make(name)) {
    auto const holder = read_holder(name);
    if (!is_gone(name, holder))
      throw UserError(fmt::format("{} is being written by another run (process {} on {}, by {}): {}", path, holder.process,
                                  holder.host.empty() ? "an unknown host" : holder.host, name, advice));
    remove_left(name);
  }
  file_ = name;
}

Lock::~Lock() {
  if (!file_.empty()) ::unlink(file_.c_str());
}

Lock::Lock(Lock&& other) noexcept : file_(std::exchange(other.file_, {})) {}

void Lock::refresh() const { ::utimensat(AT_FDCWD, file_.c_str(), nullptr, 0); }

}  // namespace moescope

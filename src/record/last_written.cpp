#include "record/last_written.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "files/lock.hpp"
#include "record/output_path.hpp"

namespace moescope::record {
namespace {

std::string writer(LockHolder const& holder) {
  if (!holder.alive)
    return fmt::format("; process {} on {} holds its lock, and that host alone knows whether it lives", holder.process,
                       holder.host.empty() ? "an unknown host" : holder.host);
  if (*holder.alive) return fmt::format("; process {} on this host is writing it", holder.process);
  return fmt::format("; process {} on this host, which wrote it, lives no longer: the run was killed", holder.process);
}

}  // namespace

std::string last_written(std::string const& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return "unknown";
  auto const text = fmt::format("nothing since {:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(file.st_mtime));
  auto const holder = lock_holder(final_path(path));
  return holder ? text + writer(*holder) : text;
}

}  // namespace moescope::record

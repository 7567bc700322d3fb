#include "energy/powercap.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>

namespace moescope {
namespace {

namespace fs = std::filesystem;

struct Unreadable {
  std::string reason;
};

/// {N} of intel-rapl:N and {N, M} of its part intel-rapl:N:M; empty of anything else.
std::vector<int> zone_number(std::string const& name) {
  int zone = 0, part = 0, end = -1;
  auto const whole = [&] { return end == int(name.size()); };
  if (std::sscanf(name.c_str(), "intel-rapl:%d%n", &zone, &end) == 1 && whole()) return {zone};
  if (std::sscanf(name.c_str(), "intel-rapl:%d:%d%n", &zone, &part, &end) == 2 && whole()) return {zone, part};
  return {};
}

/// Folders of the zones, in the order of their numbers: a package stands before its parts.
std::map<std::vector<int>, fs::path> zones(std::string const& root) {
  std::error_code error;
  if (!fs::exists(root, error) && !error) throw Unreadable{fmt::format("there is no {}", root)};
  std::map<std::vector<int>, fs::path> found;
  for (auto entry = fs::directory_iterator(root, error); !error && entry != fs::directory_iterator(); entry.increment(error))
    if (auto const number = zone_number(entry->path().filename()); !number.empty()) found[number] = entry->path();
  if (error) throw Unreadable{fmt::format("{}: {}", root, error.message())};
  return found;
}

class OpenFile {
 public:
  explicit OpenFile(fs::path const& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) throw Unreadable{fmt::format("{}: {}", path.string(), std::strerror(errno))};
  }
  ~OpenFile() { ::close(descriptor_); }
  OpenFile(OpenFile const&) = delete;
  OpenFile& operator=(OpenFile const&) = delete;

  /// As it is now; -1 where there is none.
  std::int64_t number() const {
    char text[32];
    auto const length = ::pread(descriptor_, text, sizeof(text), 0);
    std::int64_t number = -1;
    if (length > 0) std::from_chars(text, text + length, number);
    return number;
  }

 private:
  int const descriptor_;
};

std::shared_ptr<OpenFile const> open_number(fs::path const& path) {
  auto const file = std::make_shared<OpenFile const>(path);
  if (file->number() < 0) throw Unreadable{fmt::format("{}: holds no number", path.string())};
  return file;
}

std::string name_of(fs::path const& zone) {
  std::ifstream file(zone / "name");
  if (!file) throw Unreadable{fmt::format("{}: {}", (zone / "name").string(), std::strerror(errno))};
  std::string name;
  std::getline(file, name);
  return name;
}

EnergyCounter open_zone(fs::path const& zone, std::string const& name) {
  auto const range = open_number(zone / "max_energy_range_uj")->number();
  return {name, range, [file = open_number(zone / "energy_uj")] { return file->number(); }};
}

std::vector<EnergyCounter> open_packages(std::string const& root) {
  std::vector<EnergyCounter> counters;
  std::map<int, std::string> packages;
  for (auto const& [number, folder] : zones(root)) {
    auto const name = name_of(folder);
    auto const package = packages.find(number.front());
    if (number.size() == 1 && name.starts_with("package-"))
      counters.push_back(open_zone(folder, packages[number.front()] = name));
    else if (number.size() == 2 && name == "dram" && package != packages.end())
      counters.push_back(open_zone(folder, package->second + ":dram"));
  }
  if (counters.empty()) throw Unreadable{fmt::format("{} shows no package of a processor", root)};
  return counters;
}

}  // namespace

std::string powercap_root() {
  auto const* given = std::getenv("MOESCOPE_POWERCAP");
  return given && *given ? given : "/sys/class/powercap";
}

EnergyCounters open_powercap(std::string const& root) {
  try {
    return {open_packages(root), ""};
  } catch (Unreadable const& unreadable) {
    return {{}, unreadable.reason};
  }
}

}  // namespace moescope

#include "energy/nvml.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <limits>
#include <memory>

namespace moescope {
namespace {

using Device = void*;

struct Unreadable {
  std::string reason;
};

/// NVML's functions by name. It stays open as long as a counter of it lives.
class Library {
 public:
  explicit Library(std::string const& name) : handle_(::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL), ::dlclose) {
    if (!handle_) throw Unreadable{::dlerror()};
    shutdown_ = function<int()>("nvmlShutdown");
    require(function<int()>("nvmlInit_v2")(), "nvmlInit_v2");
  }
  ~Library() { shutdown_(); }
  Library(Library const&) = delete;
  Library& operator=(Library const&) = delete;

  unsigned devices() const {
    unsigned count = 0;
    require(function<int(unsigned*)>("nvmlDeviceGetCount_v2")(&count), "nvmlDeviceGetCount_v2");
    return count;
  }
  Device device(unsigned index) const {
    Device found = nullptr;
    auto const code = function<int(unsigned, Device*)>("nvmlDeviceGetHandleByIndex_v2")(index, &found);
    require(code, fmt::format("nvmlDeviceGetHandleByIndex_v2({})", index));
    return found;
  }
  auto energy() const { return function<int(Device, unsigned long long*)>("nvmlDeviceGetTotalEnergyConsumption"); }

  void require(int code, std::string const& what) const {
    if (code != 0) throw Unreadable{fmt::format("{}: {}", what, function<char const*(int)>("nvmlErrorString")(code))};
  }

 private:
  template <typename Signature>
  Signature* function(char const* name) const {
    auto* const symbol = ::dlsym(handle_.get(), name);
    if (!symbol) throw Unreadable{fmt::format("{} is not in NVML's library", name)};
    return reinterpret_cast<Signature*>(symbol);
  }

  std::unique_ptr<void, int (*)(void*)> handle_;
  int (*shutdown_)() = nullptr;
};

EnergyCounter counter(std::shared_ptr<Library const> const& library, unsigned index) {
  auto const device = library->device(index);
  auto const read = library->energy();
  unsigned long long millijoules = 0;
  library->require(read(device, &millijoules), fmt::format("nvmlDeviceGetTotalEnergyConsumption of GPU {}", index));
  return {fmt::format("gpu-{}", index), std::numeric_limits<std::int64_t>::max(), [library, read, device] {
            unsigned long long now = 0;
            return read(device, &now) == 0 ? std::int64_t(now) * 1000 : -1;
          }};
}

}  // namespace

std::string nvml_library() {
  auto const* given = std::getenv("MOESCOPE_NVML");
  return given && *given ? given : "libnvidia-ml.so.1";
}

EnergyCounters open_nvml(std::string const& library) {
  try {
    auto const nvml = std::make_shared<Library const>(library);
    EnergyCounters counters;
    for (unsigned index = 0; index < nvml->devices(); ++index) counters.found.push_back(counter(nvml, index));
    if (counters.found.empty()) throw Unreadable{"NVML knows no GPU"};
    return counters;
  } catch (Unreadable const& unreadable) {
    return {{}, unreadable.reason};
  }
}

}  // namespace moescope

// A library with NVML's names: two GPUs, each of which uses 2.5 J from one reading to the next.
#include <cstdlib>
#include <string>

namespace {
unsigned long long millijoules[2] = {1'000'000, 5'000'000};
bool fails(char const* what) {
  auto const* failing = std::getenv("FAKE_NVML_FAILS");
  return failing && std::string(failing) == what;
}
}  // namespace

extern "C" {
int nvmlInit_v2() { return fails("init") ? 9 : 0; }
int nvmlShutdown() { return 0; }
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = fails("count") ? 0 : 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = &millijoules[index];
  return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(void* device, unsigned long long* energy) {
  if (fails("energy") && device == &millijoules[1]) return 3;
  *energy = *static_cast<unsigned long long*>(device) += 2500;
  return 0;
}
char const* nvmlErrorString(int code) { return code == 9 ? "Driver Not Loaded" : "Not Supported"; }
}

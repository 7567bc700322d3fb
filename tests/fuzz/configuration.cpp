// A run's TOML file. The last line, if it begins with "--set ", is one override.
#include "config/run_config.hpp"
#include "fuzz/only_user_errors.hpp"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  using namespace moescope;
  std::string text(reinterpret_cast<char const*>(data), size);
  std::vector<std::string> overrides;
  if (auto const at = text.rfind("\n--set "); at != std::string::npos) {
    overrides.push_back(text.substr(at + 7));
    text.resize(at + 1);
    while (overrides[0].ends_with('\n')) overrides[0].pop_back();
  }
  fuzz::only_user_errors([&] {
    auto const config = parse_run_config(text, "run.toml", overrides);
    if (to_json(config).empty() || cell_key(config, 1, "build").size() != 64) std::abort();
    validate(config);
  });
  return 0;
}

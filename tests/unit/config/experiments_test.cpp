#include <filesystem>

#include "config/run_config.hpp"
#include "support/catch.hpp"

using namespace moescope;

TEST_CASE("every experiment's base configuration is valid") {
  int count = 0;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(MOESCOPE_EXPERIMENTS)) {
    if (entry.path().filename() != "base.toml") continue;
    INFO(entry.path().string());
    CHECK_NOTHROW(load_run_config(entry.path().string(), {}));
    ++count;
  }
  CHECK(count >= 2);
}

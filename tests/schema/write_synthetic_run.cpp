// Writes a small run file for readers that are no part of the program: write_synthetic_run PATH
#include <cstdio>

#include "schema/synthetic_run.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto const path = moescope::testing::write_synthetic_run(argv[1], moescope::testing::synthetic_setup());
  return std::printf("%s\n", path.c_str()) > 0 ? 0 : 1;
}

#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "bench/plan.hpp"

namespace moescope {

/// The command line of `bench`.
struct BenchOptions {
  std::string config;
  std::vector<std::string> set;
  bench::Request request;
  bool json = false;
};

void add_options(CLI::App& command, BenchOptions& options);

}  // namespace moescope

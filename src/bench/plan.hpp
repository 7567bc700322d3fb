#pragma once
#include <string>

#include "base/scalar.hpp"
#include "bench/message.hpp"
#include "layout/layout.hpp"

namespace moescope::bench {

/// What is asked for, by the names of the command line; empty lists: all.
struct Request {
  std::vector<std::string> axes, collectives, types;
  std::int64_t min_bytes = std::int64_t(1) << 10, max_bytes = std::int64_t(1) << 24, factor = 4;
  std::int64_t warm_up = 5, iterations = 20;
  double skew = 1.5;
};

/// Axes whose groups are the same ranks in the same order, the first one for all: they are run once.
using SameAxes = std::vector<Axis>;

/// What is run: each benchmark over each of the axes, with each type and size.
struct Plan {
  std::vector<SameAxes> axes;
  std::vector<Benchmark> benchmarks;
  std::vector<DType> types;
  std::vector<std::int64_t> sizes;  ///< bytes
  std::int64_t warm_up = 0, iterations = 1;
  double skew = 1;
};

/// UserError where an axis has one rank, or sizes or skew do not suit the layout. Without types: `dtype`.
Plan plan(Request const& request, Layout const& layout, DType dtype);

/// One for each axis and benchmark, for the ledger.
std::vector<traffic::Collective> collectives(Plan const& plan);
std::string collective_name(Axis axis, Benchmark const& benchmark);

}  // namespace moescope::bench

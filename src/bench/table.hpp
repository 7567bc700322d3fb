#pragma once
#include <string>

#include "bench/result.hpp"

namespace moescope::bench {

/// Comments on all tables. `timed`: every thread has a core of its own; else no time is printed.
std::string preamble(Plan const& plan, Layout const& layout, bool timed);
/// What stands above the rows of one benchmark over one axis.
std::string table_head(Plan const& plan, Layout const& layout, SameAxes const& axes, Benchmark const& benchmark);
/// A line with nccl-tests' columns; n/a where there are no times.
std::string table_row(Result const& result, std::int64_t iterations);
std::string table_end(std::int64_t wrong);

/// "ep = dp"
std::string names_of(SameAxes const& axes);

}  // namespace moescope::bench

#include "bench/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/error.hpp"

namespace moescope::bench {

namespace {

bool among(std::vector<std::string> const& names, std::string_view name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

bool same_groups(Layout const& layout, Axis a, Axis b) {
  if (layout.size(a) != layout.size(b)) return false;
  for (std::int64_t rank = 0; rank < layout.ranks(); ++rank) {
    if (layout.first_member(a, rank) != layout.first_member(b, rank)) return false;
    if (layout.coordinate(a, rank) != layout.coordinate(b, rank)) return false;
  }
  return true;
}

std::vector<SameAxes> axes_of(Request const& request, Layout const& layout) {
  std::vector<SameAxes> result;
  for (auto const& row : axes()) {
    if (!among(request.axes, row.name)) continue;
    if (layout.size(row.axis) == 1) {
      if (request.axes.empty()) continue;
      throw UserError(
          fmt::format("--axis {}: it has 1 rank in this layout ({}); name an axis of several", row.name, layout.describe()));
    }
    auto const same = [&](SameAxes const& other) { return same_groups(layout, other.front(), row.axis); };
    auto const found = std::find_if(result.begin(), result.end(), same);
    (found == result.end() ? result.emplace_back() : *found).push_back(row.axis);
  }
  if (result.empty()) throw UserError("bench needs several ranks, for example mpirun -n 2 moescope bench");
  return result;
}

std::vector<std::int64_t> sizes_of(Request const& request) {
  if (request.max_bytes < request.min_bytes)
    throw UserError(fmt::format("--max-bytes {} is below --min-bytes {}", request.max_bytes, request.min_bytes));
  std::vector<std::int64_t> sizes;
  for (auto bytes = request.min_bytes; bytes <= request.max_bytes; bytes *= request.factor) {
    sizes.push_back(bytes);
    if (bytes > request.max_bytes / request.factor) break;
  }
  return sizes;
}

void check_sizes(Plan const& plan, Benchmark const& benchmark, Scalar const& scalar, Axis axis, std::int64_t members) {
  if (plan.sizes.front() / scalar.stored < members)
    throw UserError(fmt::format("--min-bytes {} holds less than one {} for each of the {} ranks of {}; it must be at least {}",
                                plan.sizes.front(), scalar.name, members, name(axis), members * scalar.stored));
  if (benchmark.skewed && plan.skew > double(members))
    throw UserError(fmt::format("--skew {}: one of the {} ranks of {} cannot receive more than {} times the mean", plan.skew,
                                members, name(axis), members));
  constexpr auto most = std::int64_t(std::numeric_limits<int>::max());
  auto const elements = plan.sizes.back() / scalar.stored;
  if (double(elements) * (benchmark.skewed ? plan.skew : 1) > double(most))
    throw UserError(fmt::format("--max-bytes {}: {} would move more than the {} elements of {} that MPI can count",
                                plan.sizes.back(), benchmark.name, most, scalar.name));
}

}  // namespace

Plan plan(Request const& request, Layout const& layout, DType dtype) {
  Plan result{axes_of(request, layout), {}, {}, sizes_of(request), request.warm_up, request.iterations, request.skew};
  for (auto const& benchmark : benchmarks())
    if (among(request.collectives, benchmark.name)) result.benchmarks.push_back(benchmark);
  for (auto const& each : scalars)
    if (request.types.empty() ? each.dtype == dtype : among(request.types, each.name)) result.types.push_back(each.dtype);
  for (auto const& same : result.axes)
    for (auto const& benchmark : result.benchmarks)
      for (auto const type : result.types) check_sizes(result, benchmark, scalar(type), same.front(), layout.size(same.front()));
  return result;
}

std::string collective_name(Axis axis, Benchmark const& benchmark) { return fmt::format("{}.{}", name(axis), benchmark.name); }

std::vector<traffic::Collective> collectives(Plan const& plan) {
  std::vector<traffic::Collective> result;
  for (auto const& same : plan.axes)
    for (auto const& benchmark : plan.benchmarks)
      result.push_back({collective_name(same.front(), benchmark), same.front(), benchmark.operation});
  return result;
}

}  // namespace moescope::bench

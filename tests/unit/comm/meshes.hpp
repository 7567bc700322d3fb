#pragma once
#include <vector>

#include "comm/exchange.hpp"
#include "comm/mesh.hpp"

/// Meshes and matrices for the tests of comm: every layout of the launched ranks, every operation along every axis.
namespace moescope::test {

inline std::vector<Axis> all_axes() {
  std::vector<Axis> all;
  for (auto const& row : axes()) all.push_back(row.axis);
  return all;
}

inline std::string exchange_name(Axis axis, traffic::Operation operation) {
  return std::string(name(axis)) + "." + traffic::name(operation);
}

inline ExchangeId exchange(Mesh const& mesh, Axis axis, traffic::Operation operation) {
  return mesh.exchange(exchange_name(axis, operation));
}

inline std::vector<traffic::Collective> every_exchange() {
  using traffic::Operation;
  std::vector<traffic::Collective> list;
  for (auto const axis : all_axes()) {
    for (auto const operation :
         {Operation::all_reduce, Operation::all_gather, Operation::reduce_scatter, Operation::all_to_all}) {
      list.push_back({exchange_name(axis, operation), axis, operation});
    }
  }
  return list;
}

/// Every (tp, ep, etp) that divides the launched ranks, in one order of them.
inline std::vector<Layout> every_layout(std::int64_t ranks, std::string_view order = "tp-ep-dp") {
  std::vector<Layout> layouts;
  for (std::int64_t tp = 1; tp <= ranks; ++tp) {
    for (std::int64_t ep = 1; ep <= ranks; ++ep) {
      for (std::int64_t etp = 1; ep * etp <= ranks; ++etp) {
        if (ranks % tp != 0 || ranks % (ep * etp) != 0) continue;
        LayoutConfig config;
        config.tp = tp;
        config.ep = ep;
        config.etp = etp;
        config.order = order;
        layouts.emplace_back(config, ranks);
      }
    }
  }
  return layouts;
}

/// f(mesh) for every layout.
template <class F>
void for_each_mesh(F&& f) {
  auto const world = Communicator::world();
  for (auto const& layout : every_layout(world.size())) {
    Mesh mesh(world, layout, every_exchange());
    f(mesh);
  }
}

/// Along every axis: ranks of the group in order, and this rank's place among them.
struct Group {
  std::vector<std::int64_t> members;
  std::size_t me;
  std::int64_t size() const { return std::int64_t(members.size()); }
};
inline Group group_of(Mesh const& mesh, Axis axis) {
  return {mesh.layout().members(axis, mesh.rank()), std::size_t(mesh.group(axis).rank())};
}

/// matrix(i, j) = f(i, j)
template <class T, class F>
Matrix<T> matrix(std::int64_t num_rows, std::int64_t width, F&& f) {
  Matrix<T> const result("test::matrix", std::size_t(num_rows), std::size_t(width));
  auto const host = Kokkos::create_mirror_view(result);
  for (std::int64_t i = 0; i < num_rows; ++i)
    for (std::int64_t j = 0; j < width; ++j) host(i, j) = T(f(i, j));
  Kokkos::deep_copy(result, host);
  return result;
}

/// Every element equals f(i, j) exactly.
template <class T, class F>
bool equals(Matrix<T> const& device, F&& f) {
  auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), device);
  for (std::size_t i = 0; i < host.extent(0); ++i)
    for (std::size_t j = 0; j < host.extent(1); ++j)
      if (!(host(i, j) == T(f(std::int64_t(i), std::int64_t(j))))) return false;
  return true;
}

/// What rank `source` writes for rank `target` at (row, column): a small integer that tells all four apart.
inline double mark(std::int64_t source, std::int64_t target, std::int64_t row, std::int64_t column) {
  return double(((source * 8 + target) * 16 + row) * 16 + column);
}

}  // namespace moescope::test

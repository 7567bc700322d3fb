#include "layout/grid.hpp"

#include <iterator>

#include "base/error.hpp"

namespace moescope {
namespace {

using enum MeshKind;

constexpr AxisSpec all_axes[] = {
    {.axis = Axis::world, .name = "world", .mesh = attention, .dims = {Dim::job}},
    {.axis = Axis::stage, .name = "stage", .mesh = attention, .dims = {Dim::tp, Dim::dp}},
    {.axis = Axis::tp, .name = "tp", .mesh = attention, .dims = {Dim::tp}},
    {.axis = Axis::dp, .name = "dp", .mesh = attention, .dims = {Dim::dp}},
    {.axis = Axis::ep, .name = "ep", .mesh = expert, .dims = {Dim::ep}},
    {.axis = Axis::etp, .name = "etp", .mesh = expert, .dims = {Dim::tp}},
    {.axis = Axis::edp, .name = "edp", .mesh = expert, .dims = {Dim::dp}},
    {.axis = Axis::expert_block, .name = "expert_block", .mesh = expert, .dims = {Dim::tp, Dim::ep}},
};

constexpr bool rows_follow_the_enum() {
  for (std::size_t i = 0; i < std::size(all_axes); ++i)
    if (std::size_t(all_axes[i].axis) != i) return false;
  return true;
}
static_assert(rows_follow_the_enum());

AxisSpec const& spec(Axis axis) { return all_axes[std::size_t(axis)]; }

Dim dim_named(std::string_view name) {
  MOESCOPE_CHECK(name == "tp" || name == "ep" || name == "dp");
  return name == "tp" ? Dim::tp : name == "ep" ? Dim::ep : Dim::dp;
}

}  // namespace

std::span<AxisSpec const> axes() { return all_axes; }

char const* name(Axis axis) { return spec(axis).name; }

Grid::Grid(GridSizes const& sizes, std::string_view order)
    : meshes_{laid_out(sizes.tp, 1, sizes.dp, order), laid_out(sizes.etp, sizes.ep, sizes.edp, order)} {
  MOESCOPE_CHECK(sizes.dp * sizes.tp == sizes.edp * sizes.ep * sizes.etp && size(Axis::world) == sizes.dp * sizes.tp);
}

Grid::Mesh Grid::laid_out(std::int64_t tp, std::int64_t ep, std::int64_t dp, std::string_view order) {
  Mesh mesh{};
  mesh[std::size_t(Dim::tp)].size = tp;
  mesh[std::size_t(Dim::ep)].size = ep;
  mesh[std::size_t(Dim::dp)].size = dp;
  std::int64_t ranks = 1;
  for (std::size_t at = 0; at < order.size(); at += 3) {  // names of two letters and '-'
    auto& digit = mesh[std::size_t(dim_named(order.substr(at, 2)))];
    if (digit.size > 1) digit.stride = ranks;  // a digit that is always 0 makes no difference between two grids
    ranks *= digit.size;
  }
  mesh[std::size_t(Dim::job)].size = ranks;
  return mesh;
}

std::int64_t Grid::size(Axis axis) const {
  std::int64_t product = 1;
  for (auto const dim : spec(axis).dims) product *= digit(spec(axis), dim).size;
  return product;
}

std::int64_t Grid::coordinate(Axis axis, std::int64_t rank) const {
  std::int64_t result = 0, place = 1;
  for (auto const dim : spec(axis).dims) {
    auto const& own = digit(spec(axis), dim);
    result += own.of(rank) * place;
    place *= own.size;
  }
  return result;
}

std::int64_t Grid::distance(AxisSpec const& axis, std::int64_t coordinate) const {
  std::int64_t ranks = 0;
  for (auto const dim : axis.dims) {
    auto const& own = digit(axis, dim);
    ranks += coordinate % own.size * own.stride;
    coordinate /= own.size;
  }
  return ranks;
}

std::int64_t Grid::first_member(Axis axis, std::int64_t rank) const {
  return rank - distance(spec(axis), coordinate(axis, rank));
}

std::vector<std::int64_t> Grid::members(Axis axis, std::int64_t rank) const {
  auto const first = first_member(axis, rank);
  std::vector<std::int64_t> result(std::size_t(size(axis)));
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = first + distance(spec(axis), std::int64_t(i));
  return result;
}

}  // namespace moescope

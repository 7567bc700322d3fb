#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace moescope {

/// The ranks are counted twice: by two meshes of the same ranks, independent of each other ("folding", as in Megatron Core).
enum class MeshKind { attention, expert };
inline constexpr std::size_t num_meshes = 2;

/// What a mesh is a product of. In the expert mesh tp and dp are etp and edp; the attention mesh has no ep. `job` is the mesh
/// seen as one dimension: its digit is the rank.
enum class Dim { tp, ep, dp, job };
inline constexpr std::size_t num_dims = 4;

/// Axis of the rank grid, in the order of axes(). `stage`: the ranks that hold the same layers, all of them so far, counted in
/// the order of the tokens that they own; `world`: the ranks of the job. `expert_block`: those that share one set of experts.
enum class Axis { world, stage, tp, dp, ep, etp, edp, expert_block };

/// An axis is the product of some dimensions of one mesh.
struct AxisSpec {
  Axis axis;
  char const* name;
  MeshKind mesh;
  std::initializer_list<Dim> dims;  ///< the first one varies fastest in the axis' coordinate, whatever the order of the ranks
};
std::span<AxisSpec const> axes();
char const* name(Axis axis);

/// dp * tp = edp * ep * etp
struct GridSizes {
  std::int64_t tp = 1, dp = 1, ep = 1, etp = 1, edp = 1;
};

/// Who is where: mixed radix, no table of all ranks. O(1) memory for any number of ranks.
///
/// rank = sum over the dimensions of a mesh of digit * stride, where a stride is the product of the sizes of those that vary
/// faster; the order of ranks says which do (Megatron Core's RankGenerator: "tp-ep-dp" names the fastest first).
class Grid {
 public:
  /// `order`: one of choices::layout_order; std::logic_error where it is not.
  Grid(GridSizes const& sizes, std::string_view order);

  std::int64_t size(Axis axis) const;
  std::int64_t coordinate(Axis axis, std::int64_t rank) const;
  /// The rank at coordinate 0 of the group of `rank` along `axis`, which names the group.
  std::int64_t first_member(Axis axis, std::int64_t rank) const;
  /// Ranks of that group, ascending in the axis' coordinate. [size(axis)]
  std::vector<std::int64_t> members(Axis axis, std::int64_t rank) const;

  /// Every rank has the same coordinates in both.
  friend bool operator==(Grid const&, Grid const&) = default;

 private:
  struct Digit {
    std::int64_t size = 1, stride = 1;
    std::int64_t of(std::int64_t rank) const { return rank / stride % size; }
    friend bool operator==(Digit const&, Digit const&) = default;
  };
  using Mesh = std::array<Digit, num_dims>;

  static Mesh laid_out(std::int64_t tp, std::int64_t ep, std::int64_t dp, std::string_view order);
  Digit const& digit(AxisSpec const& axis, Dim dim) const { return meshes_[std::size_t(axis.mesh)][std::size_t(dim)]; }
  /// From a group's first member to the one at `coordinate`, in ranks.
  std::int64_t distance(AxisSpec const& axis, std::int64_t coordinate) const;

  std::array<Mesh, num_meshes> meshes_;
};

}  // namespace moescope

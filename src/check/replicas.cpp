#include "check/replicas.hpp"

#include <fmt/format.h>

#include <Kokkos_BitManipulation.hpp>
#include <type_traits>

namespace moescope {

namespace {

/// A function of bits and positions whose terms are added modulo 2^64, so that the order of additions does not matter.
/// The mixing is SplitMix64's (Steele, Lea, Flood, OOPSLA'14).
template <class T>
std::int64_t checksum(ExecSpace const& exec, Vector<T> const& values, Range part) {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  std::uint64_t total = 0;
  Kokkos::parallel_reduce(
      "check::checksum", Kokkos::RangePolicy<ExecSpace>(exec, part.begin, part.end),
      KOKKOS_LAMBDA(std::int64_t i, std::uint64_t & sum) {
        std::uint64_t z = Kokkos::bit_cast<Bits>(values(i)) + 0x9E3779B97F4A7C15ull * std::uint64_t(i + 1);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        sum += z ^ (z >> 31);
      },
      total);
  return std::int64_t(total);
}

/// What rank 0 found; the others bring zeros.
ReplicaDifference known_to_all(Communicator const& world, ReplicaDifference const& found) {
  auto const sums = world.sum(std::vector<std::int64_t>{std::int64_t(found.group), found.rank, found.other});
  return {std::size_t(sums[0]), sums[1], sums[2]};
}

/// Name of the first tensor of the group whose copies differ on the two ranks; on rank 0.
template <class T>
std::string differing_tensor(ExecSpace const& exec, Mesh const& mesh, ModelConfig const& model, TrainingState<T> const& state,
                             ReplicaDifference const& difference) {
  std::vector<std::int64_t> own;
  bool const compared = mesh.rank() == difference.rank || mesh.rank() == difference.other;
  auto const& values = state.values.group[difference.group];
  for (auto const& spec : state.table.specs()) {
    if (compared && spec.group == difference.group)
      own.push_back(checksum<T>(exec, values, {spec.offset, spec.offset + spec.size()}));
  }
  auto const both = mesh.world().gather(std::span<std::int64_t const>(own), 0);
  std::size_t next = 0;
  for (auto const& spec : tensor_table(model, mesh.layout(), difference.rank).specs()) {
    if (spec.group != difference.group || both.empty()) continue;
    if (both[next] != both[next + both.size() / 2]) return spec.name;
    ++next;
  }
  return "none";
}

}  // namespace

ReplicaDifference find_replica_difference(Layout const& layout, std::span<TensorGroup const> groups,
                                          std::vector<std::int64_t> const& checksums) {
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (std::int64_t rank = 0; rank < layout.ranks(); ++rank) {
      auto const first = layout.first_member(groups[g].axis, rank);
      auto const of = [&](std::int64_t r) { return checksums[std::size_t(r) * groups.size() + g]; };
      if (of(rank) != of(first)) return {g, first, rank};
    }
  }
  return {};
}

template <class T>
std::string replica_failure(Trainer<T>& trainer, std::int64_t part, std::int64_t parts) {
  auto const& mesh = trainer.model().mesh();
  auto const& model = trainer.config().model;
  auto const& state = trainer.state();
  auto const& groups = state.table.groups();
  if (mesh.world().size() == 1 || trainer.config().train.mode != "train") return {};
  std::vector<std::int64_t> own;
  for (auto const& values : state.values.group)
    own.push_back(checksum<T>(ExecSpace(), values, split(std::int64_t(values.extent(0)), parts, part)));
  auto const all = mesh.world().gather(std::span<std::int64_t const>(own), 0);
  auto const found = known_to_all(
      mesh.world(), mesh.rank() == 0 ? find_replica_difference(mesh.layout(), groups, all) : ReplicaDifference{0, 0, 0});
  if (!found.found()) return {};
  auto const tensor = differing_tensor<T>(ExecSpace(), mesh, model, state, found);
  return fmt::format("ranks {} and {} hold different values of the {} parameter {}, which is replicated over {}", found.rank,
                     found.other, groups[found.group].name, tensor, name(groups[found.group].axis));
}

template std::string replica_failure<double>(Trainer<double>&, std::int64_t, std::int64_t);
template std::string replica_failure<float>(Trainer<float>&, std::int64_t, std::int64_t);

}  // namespace moescope

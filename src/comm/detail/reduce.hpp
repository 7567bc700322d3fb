#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include "comm/detail/mpi_call.hpp"
#include "comm/mesh.hpp"

/// Private to `comm`: reductions of more elements than MPI counts, in pieces. Both return the first MPI code that is not
/// MPI_SUCCESS.
namespace moescope::mpi {

inline traffic::Volume reduction_volume(Mesh const& mesh, std::int64_t bytes, std::int64_t messages_of_a_call) {
  auto const calls = traffic::reduction_calls(bytes, mesh.reduction_bytes());
  return {bytes, calls * messages_of_a_call, calls};
}

/// call(begin, end) for one piece after the other of `size` elements of T; once where there are none.
template <class T, class Call>
int for_each_piece(Mesh const& mesh, std::int64_t size, Call&& call) {
  auto const piece = mesh.reduction_bytes() / std::int64_t(sizeof(T));
  int code = call(std::int64_t(0), std::min(piece, size));
  for (auto begin = piece; begin < size && code == MPI_SUCCESS; begin += piece) code = call(begin, std::min(begin + piece, size));
  return code;
}

template <class T>
int all_reduce(Mesh const& mesh, std::span<T> values, MPI_Op operation, MPI_Comm comm) {
  return for_each_piece<T>(mesh, std::int64_t(values.size()), [&](std::int64_t begin, std::int64_t end) {
    return MPI_Allreduce(MPI_IN_PLACE, values.data() + begin, int(end - begin), reducing_type<T>(), operation, comm);
  });
}

/// `all` holds sizes[i] elements for each member of the group, in order; this one receives the sum of its own.
template <class T>
int reduce_scatter(Mesh const& mesh, std::span<T const> all, std::vector<std::int64_t> const& sizes, T* own, MPI_Comm comm) {
  std::vector<int> counts(sizes.size());
  return for_each_piece<T>(mesh, std::int64_t(all.size()), [&](std::int64_t begin, std::int64_t end) {
    std::int64_t first = 0;
    for (std::size_t i = 0; i < sizes.size(); first += sizes[i++])
      counts[i] = int(std::max<std::int64_t>(0, std::min(end, first + sizes[i]) - std::max(begin, first)));
    int rank = 0;
    MPI_Comm_rank(comm, &rank);
    auto* const received = own;
    own += counts[std::size_t(rank)];
    return MPI_Reduce_scatter(all.data() + begin, received, counts.data(), reducing_type<T>(), MPI_SUM, comm);
  });
}

}  // namespace moescope::mpi

#include "comm/raw_all_to_all.hpp"

#include "comm/detail/ledgered_call.hpp"

namespace moescope {

void raw_all_to_all(Communicator const& group, float const* send, std::vector<std::int64_t> const& send_rows, float* receive,
                    std::vector<std::int64_t> const& receive_rows, std::int64_t width) {
  auto const name = "raw all_to_all";
  auto const row = mpi::row_type(MPI_FLOAT, width, name);
  auto const from = mpi::blocks(send_rows, "rows", name), to = mpi::blocks(receive_rows, "rows", name);
  auto const comm = mpi::handle(group);
  mpi::check(MPI_Alltoallv(send, from.counts.data(), from.displacements.data(), row, receive, to.counts.data(),
                           to.displacements.data(), row, comm),
             "MPI_Alltoallv", comm);
}

}  // namespace moescope

#include "support/pmpi_counter.hpp"

#include <mpi.h>

#include <numeric>
#include <utility>

namespace {

std::vector<pmpi_counter::Call>& calls() {
  static std::vector<pmpi_counter::Call> all;
  return all;
}

void add(char const* operation, std::int64_t count, MPI_Datatype type) {
  int size = 0;
  PMPI_Type_size(type, &size);
  calls().push_back({operation, count * size});
}

std::int64_t total(int const* per_rank, MPI_Comm comm) {
  int members = 0;
  PMPI_Comm_size(comm, &members);
  return std::accumulate(per_rank, per_rank + members, std::int64_t(0));
}

std::int64_t members(MPI_Comm comm) {
  int size = 0;
  PMPI_Comm_size(comm, &size);
  return size;
}

}  // namespace

namespace pmpi_counter {
std::vector<Call> take_calls() { return std::exchange(calls(), {}); }

std::map<std::string, Count> take() {
  std::map<std::string, Count> counts;
  for (auto const& call : take_calls()) {
    counts[call.operation].bytes += call.bytes;
    counts[call.operation].calls += 1;
  }
  return counts;
}
}  // namespace pmpi_counter

extern "C" {

int MPI_Allreduce(void const* from, void* to, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  add("all_reduce", n, type);
  return PMPI_Allreduce(from, to, n, type, op, comm);
}

int MPI_Iallreduce(void const* from, void* to, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm, MPI_Request* request) {
  add("all_reduce", n, type);
  return PMPI_Iallreduce(from, to, n, type, op, comm, request);
}

int MPI_Allgather(void const* from, int n, MPI_Datatype from_type, void* to, int to_n, MPI_Datatype to_type, MPI_Comm comm) {
  add("all_gather", to_n * members(comm), to_type);
  return PMPI_Allgather(from, n, from_type, to, to_n, to_type, comm);
}

int MPI_Iallgather(void const* from, int n, MPI_Datatype from_type, void* to, int to_n, MPI_Datatype to_type, MPI_Comm comm,
                   MPI_Request* request) {
  add("all_gather", to_n * members(comm), to_type);
  return PMPI_Iallgather(from, n, from_type, to, to_n, to_type, comm, request);
}

int MPI_Allgatherv(void const* from, int n, MPI_Datatype from_type, void* to, int const* to_n, int const* offsets,
                   MPI_Datatype to_type, MPI_Comm comm) {
  add("all_gather", total(to_n, comm), to_type);
  return PMPI_Allgatherv(from, n, from_type, to, to_n, offsets, to_type, comm);
}

int MPI_Iallgatherv(void const* from, int n, MPI_Datatype from_type, void* to, int const* to_n, int const* offsets,
                    MPI_Datatype to_type, MPI_Comm comm, MPI_Request* request) {
  add("all_gather", total(to_n, comm), to_type);
  return PMPI_Iallgatherv(from, n, from_type, to, to_n, offsets, to_type, comm, request);
}

int MPI_Reduce_scatter(void const* from, void* to, int const* n, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  add("reduce_scatter", total(n, comm), type);
  return PMPI_Reduce_scatter(from, to, n, type, op, comm);
}

int MPI_Ireduce_scatter(void const* from, void* to, int const* n, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                        MPI_Request* request) {
  add("reduce_scatter", total(n, comm), type);
  return PMPI_Ireduce_scatter(from, to, n, type, op, comm, request);
}

int MPI_Alltoallv(void const* from, int const* n, int const* from_offsets, MPI_Datatype from_type, void* to, int const* to_n,
                  int const* to_offsets, MPI_Datatype to_type, MPI_Comm comm) {
  add("all_to_all", total(n, comm), from_type);
  return PMPI_Alltoallv(from, n, from_offsets, from_type, to, to_n, to_offsets, to_type, comm);
}

int MPI_Ialltoallv(void const* from, int const* n, int const* from_offsets, MPI_Datatype from_type, void* to, int const* to_n,
                   int const* to_offsets, MPI_Datatype to_type, MPI_Comm comm, MPI_Request* request) {
  add("all_to_all", total(n, comm), from_type);
  return PMPI_Ialltoallv(from, n, from_offsets, from_type, to, to_n, to_offsets, to_type, comm, request);
}

}  // extern "C"

#include <mpi.h>

#include <cstdint>
#include <cstdlib>
#include <string>

/// Preloaded into the executable, it damages one number of what one rank sends or receives, as a broken network or library
/// would. FAULTY_MPI = "<operation> <bytes of a number> <rank> <first call>": that call and all later ones of the operation
/// that carry numbers of that size, all_to_all or all_gather (in what the rank sends), all_reduce or reduce_scatter (in what it
/// receives).
namespace {

struct Fault {
  std::string operation;
  std::int64_t bytes = 0, rank = -1, first_call = 0, calls = 0;

  Fault() {
    auto const* const given = std::getenv("FAULTY_MPI");
    if (!given) return;
    std::string const text = given;
    auto const space = text.find(' ');
    operation = text.substr(0, space);
    char* next = nullptr;
    bytes = std::strtoll(text.c_str() + space, &next, 10);
    rank = std::strtoll(next, &next, 10);
    first_call = std::strtoll(next, &next, 10);
  }

  bool strikes(char const* name, std::int64_t number_bytes) {
    int here = -1;
    PMPI_Comm_rank(MPI_COMM_WORLD, &here);
    return operation == name && here == rank && number_bytes == bytes && calls++ >= first_call;
  }
};

Fault& fault() {
  static Fault one;
  return one;
}

/// Bytes of the basic type that `type` is made of; 0 where it is none of the two.
std::int64_t number_bytes(MPI_Datatype type) {
  if (type == MPI_FLOAT) return 4;
  if (type == MPI_DOUBLE) return 8;
  int integers = 0, addresses = 0, types = 0, combiner = 0;
  PMPI_Type_get_envelope(type, &integers, &addresses, &types, &combiner);
  if (combiner != MPI_COMBINER_CONTIGUOUS) return 0;
  int count = 0;
  MPI_Datatype inner = MPI_DATATYPE_NULL;
  PMPI_Type_get_contents(type, integers, addresses, types, &count, nullptr, &inner);
  return number_bytes(inner);
}

void damage(void* numbers, std::int64_t bytes) {
  if (bytes == 4) *static_cast<float*>(numbers) = *static_cast<float*>(numbers) * 1.001f + 1e-6f;
  if (bytes == 8) *static_cast<double*>(numbers) = *static_cast<double*>(numbers) * 1.000001 + 1e-9;
}

}  // namespace

extern "C" {

int MPI_Allreduce(void const* from, void* to, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  auto const code = PMPI_Allreduce(from, to, n, type, op, comm);
  auto const bytes = number_bytes(type);
  if (n > 0 && fault().strikes("all_reduce", bytes)) damage(to, bytes);
  return code;
}

int MPI_Reduce_scatter(void const* from, void* to, int const* counts, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  auto const code = PMPI_Reduce_scatter(from, to, counts, type, op, comm);
  int here = 0;
  PMPI_Comm_rank(comm, &here);
  auto const bytes = number_bytes(type);
  if (counts[here] > 0 && fault().strikes("reduce_scatter", bytes)) damage(to, bytes);
  return code;
}

int MPI_Iallgatherv(void const* from, int n, MPI_Datatype type, void* to, int const* receive_counts, int const* receive_at,
                    MPI_Datatype receive_type, MPI_Comm comm, MPI_Request* request) {
  auto const bytes = number_bytes(type);
  if (n > 0 && fault().strikes("all_gather", bytes)) damage(const_cast<void*>(from), bytes);
  return PMPI_Iallgatherv(from, n, type, to, receive_counts, receive_at, receive_type, comm, request);
}

int MPI_Ialltoallv(void const* from, int const* send_counts, int const* send_at, MPI_Datatype send_type, void* to,
                   int const* receive_counts, int const* receive_at, MPI_Datatype receive_type, MPI_Comm comm,
                   MPI_Request* request) {
  int members = 0;
  PMPI_Comm_size(comm, &members);
  auto const bytes = number_bytes(send_type);
  MPI_Aint lower = 0, extent = 0;
  PMPI_Type_get_extent(send_type, &lower, &extent);
  for (int peer = 0; peer < members; ++peer) {
    if (send_counts[peer] == 0 || !fault().strikes("all_to_all", bytes)) continue;
    damage(static_cast<char*>(const_cast<void*>(from)) + send_at[peer] * extent, bytes);
  }
  return PMPI_Ialltoallv(from, send_counts, send_at, send_type, to, receive_counts, receive_at, receive_type, comm, request);
}
}

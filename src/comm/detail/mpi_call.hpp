#pragma once
#include <mpi.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "comm/communicator.hpp"

/// The only header with <mpi.h>; private to `comm` (and its tests).
namespace moescope::mpi {

inline MPI_Comm handle(Communicator const& communicator) { return *static_cast<MPI_Comm*>(communicator.handle()); }

/// "rank 3 of 'tp': MPI_Allreduce failed: <MPI's own text>"
std::string error_text(int code, char const* call, MPI_Comm communicator);

/// Every return code passes here: unless it is MPI_SUCCESS its text goes to stderr and the job ends, since the state of
/// MPI after an error is undefined.
void check(int code, char const* call, MPI_Comm communicator);

/// `count` as the int that MPI-3 wants. Throws UserError naming the exchange when it does not fit; `unit` is what is
/// counted, "rows" or "elements", and `advice` what makes it fewer.
int count(std::int64_t count, std::string_view unit, std::string_view exchange,
          std::string_view advice = "use more ranks or more micro_steps");

/// Datatype that carries a T unchanged. A 2-byte T may travel as MPI_UINT16_T here, but could not be summed as one.
template <class T>
MPI_Datatype moving_type();
/// Datatype in which MPI adds and compares values of T; never below float.
template <class T>
MPI_Datatype reducing_type();

template <>
inline MPI_Datatype moving_type<char>() {
  return MPI_CHAR;
}
template <>
inline MPI_Datatype moving_type<std::int64_t>() {
  return MPI_INT64_T;
}
template <>
inline MPI_Datatype moving_type<float>() {
  return MPI_FLOAT;
}
template <>
inline MPI_Datatype moving_type<double>() {
  return MPI_DOUBLE;
}
template <>
inline MPI_Datatype reducing_type<std::int64_t>() {
  return MPI_INT64_T;
}
template <>
inline MPI_Datatype reducing_type<float>() {
  return MPI_FLOAT;
}
template <>
inline MPI_Datatype reducing_type<double>() {
  return MPI_DOUBLE;
}

}  // namespace moescope::mpi

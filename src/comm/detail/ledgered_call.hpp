#pragma once
#include "comm/detail/mpi_call.hpp"
#include "comm/detail/whereabouts.hpp"
#include "comm/mesh.hpp"

/// Private to `comm`: one MPI collective from its start to the ledger.
namespace moescope::mpi {

/// Counts and displacements of a v-collective in group order, checked against int.
struct Blocks {
  std::vector<int> counts, displacements;
  std::int64_t total = 0;
};
Blocks blocks(std::vector<std::int64_t> const& counts, std::string_view unit, std::string_view exchange);

/// `width` values of one type, so that counts count rows. Made once for each width and kept to the end of the process.
MPI_Datatype row_type(MPI_Datatype element, std::int64_t width, std::string_view exchange);

/// Fill send and receive as the collective needs them (MPI reads them until it completes), post() it, finish() it.
class LedgeredCall {
 public:
  /// std::logic_error, before anything is sent, where the mesh's configuration does not execute the exchange.
  LedgeredCall(Mesh& mesh, ExchangeId const& exchange, traffic::Volume volume);
  LedgeredCall(LedgeredCall const&) = delete;
  LedgeredCall& operator=(LedgeredCall const&) = delete;

  MPI_Comm comm() const { return handle(group_); }
  MPI_Request* request() { return &request_; }

  /// Runs `call`, an MPI function's return code. Phased: after the group's barrier, and to its end, so that nothing
  /// between start and wait counts as transfer.
  template <class Function>
  void post(char const* function, Function&& call) {
    start();
    place_ = whereabouts().arrive(group_.group());
    {
      Waiting const waiting(group_, place_, exchange_.name());
      check(call(), function, comm());
    }
    if (phased_) complete();
  }
  /// Completes and appends to the ledger.
  void finish();

  Blocks send, receive;
  std::vector<bool> with_rows;  ///< [group] members that rows come from or go to; empty: all

 private:
  void start();
  void complete();

  Mesh& mesh_;
  ExchangeId exchange_;
  Communicator const& group_;
  traffic::Volume volume_;
  bool phased_;
  MPI_Request request_ = MPI_REQUEST_NULL;
  std::int64_t place_ = 0;  ///< among the exchanges of the group
  double arrived_ = 0, started_ = 0, ended_ = 0;
};

}  // namespace moescope::mpi

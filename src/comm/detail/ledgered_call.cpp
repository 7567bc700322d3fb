#include "comm/detail/ledgered_call.hpp"

#include <utility>

#include "base/region.hpp"

namespace moescope::mpi {

Blocks blocks(std::vector<std::int64_t> const& counts, std::string_view unit, std::string_view exchange) {
  Blocks result;
  for (auto const n : counts) {
    result.counts.push_back(count(n, unit, exchange));
    result.displacements.push_back(count(result.total, unit, exchange));
    result.total += n;
  }
  return result;
}

RowType::RowType(MPI_Datatype element, std::int64_t width, std::string_view exchange) {
  check(MPI_Type_contiguous(count(width, "elements a row", exchange), element, &type_), "MPI_Type_contiguous", MPI_COMM_WORLD);
  check(MPI_Type_commit(&type_), "MPI_Type_commit", MPI_COMM_WORLD);
}

LedgeredCall::LedgeredCall(Mesh& mesh, Axis axis, std::string_view name, traffic::Operation operation, traffic::Volume volume)
    : mesh_(mesh), axis_(axis), name_(name), operation_(operation), volume_(volume), phased_(mesh.phased()) {
  mesh_.ledger().index(name_, axis_, operation_);  // refused before anything is sent
}

void LedgeredCall::start() {
  if (phased_) {
    arrived_ = now();
    Waiting const waiting(mesh_.group(axis_), name_);
    check(MPI_Barrier(comm()), "MPI_Barrier", comm());
  }
  started_ = now();
}

void LedgeredCall::complete() {
  Waiting const waiting(mesh_.group(axis_), place_, name_);
  check(MPI_Wait(&request_, MPI_STATUS_IGNORE), "MPI_Wait", comm());
  ended_ = now();
}

void LedgeredCall::finish() {
  if (!phased_) complete();
  auto& ledger = mesh_.ledger();
  if (phased_) return ledger.append(name_, axis_, operation_, {volume_, started_ - arrived_, ended_ - started_});
  ledger.append(name_, axis_, operation_, {volume_, 0, 0});
  ledger.add({ledger.index(name_, axis_, operation_), axis_, started_, ended_, std::move(with_rows)});
}

}  // namespace moescope::mpi

#include "comm/detail/ledgered_call.hpp"

#include <algorithm>
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

namespace {

struct RowType {
  MPI_Datatype element;
  std::int64_t width;
  MPI_Datatype row;
};

}  // namespace

MPI_Datatype row_type(MPI_Datatype element, std::int64_t width, std::string_view exchange) {
  static std::vector<RowType> made;  // a model has two or three widths
  auto const same = [&](RowType const& type) { return type.element == element && type.width == width; };
  if (auto const found = std::find_if(made.begin(), made.end(), same); found != made.end()) return found->row;
  RowType type{element, width, MPI_DATATYPE_NULL};
  check(MPI_Type_contiguous(count(width, "elements a row", exchange), element, &type.row), "MPI_Type_contiguous", MPI_COMM_WORLD);
  check(MPI_Type_commit(&type.row), "MPI_Type_commit", MPI_COMM_WORLD);
  return made.emplace_back(type).row;
}

LedgeredCall::LedgeredCall(Mesh& mesh, ExchangeId const& exchange, traffic::Volume volume)
    : mesh_(mesh), exchange_(exchange), group_(mesh.group(exchange.axis())), volume_(volume), phased_(mesh.phased()) {
  static_cast<void>(exchange_.index());
}

void LedgeredCall::start() {
  if (phased_) {
    arrived_ = now();
    Waiting const waiting(group_, exchange_.name());
    check(MPI_Barrier(comm()), "MPI_Barrier", comm());
  }
  started_ = now();
}

void LedgeredCall::complete() {
  Waiting const waiting(group_, place_, exchange_.name());
  check(MPI_Wait(&request_, MPI_STATUS_IGNORE), "MPI_Wait", comm());
  ended_ = now();
}

void LedgeredCall::finish() {
  if (!phased_) complete();
  auto& ledger = mesh_.ledger();
  if (phased_) return ledger.append(exchange_, {volume_, started_ - arrived_, ended_ - started_});
  ledger.append(exchange_, {volume_, 0, 0});
  ledger.add({exchange_.index(), exchange_.axis(), place_, started_, ended_, std::move(with_rows)});
}

}  // namespace moescope::mpi

#include "traffic/caller.hpp"

#include "base/error.hpp"

namespace moescope::traffic {
namespace {

std::int64_t ring_messages(Operation operation, std::int64_t ranks) {
  return operation == Operation::all_reduce ? 2 * (ranks - 1) : ranks - 1;
}

}  // namespace

void Caller::set_place(std::int64_t micro_step, std::int64_t router) {
  micro_step_ = micro_step;
  router_ = router;
}

void Caller::call(std::string_view name, std::int64_t bytes) {
  auto const found = exchanges_.index.find(name);
  if (found == exchanges_.index.end()) return;
  auto const& exchange = exchanges_.list[found->second];
  MOESCOPE_CHECK(exchange.operation != Operation::all_to_all);
  Call call{.collective = found->second,
            .pass = exchange.pass,
            .micro_step = micro_step_,
            .router = router_,
            .messages = ring_messages(exchange.operation, layout_.size(exchange.axis)),
            .send_rows = {},
            .receive_rows = {}};
  auto const pieces = exchange.operation == Operation::all_gather ? 1 : reduction_calls(bytes);
  for (std::int64_t piece = 0; piece < pieces; ++piece) {
    bool const last = piece + 1 == pieces;
    call.payload_bytes = last ? bytes - piece * largest_reduction_bytes : largest_reduction_bytes;
    visit_(call);
  }
}

void Caller::call_rows(std::string_view name, MemberRows const& send, MemberRows const& receive, std::int64_t row_bytes) {
  auto const found = exchanges_.index.find(name);
  if (found == exchanges_.index.end()) return;
  auto const& exchange = exchanges_.list[found->second];
  MOESCOPE_CHECK(exchange.operation == Operation::all_to_all);
  visit_({.collective = found->second,
          .pass = exchange.pass,
          .micro_step = micro_step_,
          .router = router_,
          .payload_bytes = send.away * row_bytes,
          .messages = send.members,
          .send_rows = send.rows,
          .receive_rows = receive.rows});
}

}  // namespace moescope::traffic

#pragma once
#include <string_view>

#include "traffic/calls.hpp"
#include "traffic/router_shape.hpp"

namespace moescope::traffic {

/// Shows one rank's calls to a visitor, by the exchanges' names. One that the configuration does not execute is passed over.
class Caller {
 public:
  Caller(StepExchanges const& exchanges, Layout const& layout, Visit const& visit)
      : exchanges_(exchanges), layout_(layout), visit_(visit) {}

  /// What the calls to come belong to; -1: to no micro-step, to no router.
  void set_place(std::int64_t micro_step, std::int64_t router);
  /// A buffer of `bytes`, a reduction in pieces of largest_reduction_bytes; not for all_to_all.
  void call(std::string_view name, std::int64_t bytes);
  /// An all_to_all of rows of `row_bytes`.
  void call_rows(std::string_view name, MemberRows const& send, MemberRows const& receive, std::int64_t row_bytes);

 private:
  StepExchanges const& exchanges_;
  Layout const& layout_;
  Visit const& visit_;
  std::int64_t micro_step_ = -1, router_ = -1;
};

}  // namespace moescope::traffic

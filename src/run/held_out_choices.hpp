#pragma once
#include "step/routing_counts.hpp"

namespace moescope {

/// What routers chose for this rank's held-out tokens in the evaluation before, which has the same tokens in the same order.
class HeldOutChoices {
 public:
  /// Before each evaluation. Returns whether there was one before.
  bool begin_evaluation();
  /// [L] tokens of the next micro-batch that go to another set of experts than before, which it takes the place of; 0 in the
  /// first evaluation.
  std::vector<std::int64_t> changed_tokens(ExecSpace const& exec, RoutingRecord const& record);

 private:
  struct Choices {
    std::vector<int> offsets, expert;  ///< ascending within a token
  };
  static Choices choices_of(ExecSpace const& exec, RoutingRecord::Layer const& layer);
  static std::int64_t differences(Choices const& a, Choices const& b);

  std::vector<std::vector<Choices>> last_;  ///< [micro-batches][L]
  std::size_t next_ = 0;
};

}  // namespace moescope

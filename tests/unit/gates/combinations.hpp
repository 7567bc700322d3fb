#pragma once
#include <functional>
#include <string>

#include "config/gate_kinds.hpp"
#include "config/loss_kinds.hpp"
#include "unit/gates/gate_case.hpp"

namespace moescope::test {

struct Combination {
  std::string gate, loss, policy;  ///< policy: position by token and by choice have names of their own
  GateCase gate_case;
};

inline bool fit(std::string const& gate, std::string const& loss, std::int64_t experts) {
  auto const& kind = loss_kind(loss);
  ModelConfig model;
  model.num_experts = experts;
  model.gate.kind = gate;
  bool const by_groups = !kind.keys.empty();
  return supplies(model, kind) && !(by_groups && experts % 2 != 0);
}

/// Of sizes as make_case's: every gate with every loss that its rules allow and every policy, which drops some choices and
/// renormalises what stays of a token by every other one.
inline void for_each_combination(std::int64_t experts, std::int64_t top_k, std::int64_t tokens, std::int64_t tokens_in_pool,
                                 std::function<void(Combination const&)> const& visit) {
  for (auto const& gate : gate_kinds())
    for (auto const& loss : loss_kinds())
      for (std::string const policy : {"none", "position", "position by choice", "probability", "random"}) {
        if (!fit(gate, loss, experts)) continue;
        auto c = make_case(gate, experts, top_k, tokens, tokens_in_pool);
        c.model.gate.loss.emplace({LossConfig{loss, 0.5, ""}});
        if (!loss_kind(loss).keys.empty()) c.model.gate.num_groups = c.model.gate.groups_kept = 2;
        c.model.capacity.policy = policy.substr(0, policy.find(' '));
        c.model.capacity.order = policy.ends_with("choice") ? "choice" : "token";
        c.model.capacity.factor = 0.75;
        c.model.capacity.renormalise = policy == "position" || policy == "random";
        c.fill();
        visit({gate, loss, policy, std::move(c)});
      }
}

}  // namespace moescope::test

#include "dispatch/sent_rows.hpp"

#include "base/error.hpp"
#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "comm/exchange.hpp"

namespace moescope {

namespace {

/// Kept choices in the order (expert, token, choice) by a stable counting sort, and the pads of each expert behind them.
struct SortedChoices {
  std::vector<std::int64_t> counts;  ///< [E] rows
  std::vector<int> token_of_sent, choice_of_sent, sent_of_choice;
};

template <class T>
SortedChoices sort_choices(ExecSpace const& exec, Routing<T> const& routing) {
  auto const offsets = to_host(exec, routing.offsets), expert = to_host(exec, routing.expert), kept = to_host(exec, routing.kept);
  auto const num_choices = routing.num_choices, num_experts = routing.num_experts;
  SortedChoices sorted{
      std::vector<std::int64_t>(std::size_t(num_experts)), {}, {}, std::vector<int>(std::size_t(num_choices), -1)};
  for (std::int64_t c = 0; c < num_choices; ++c) {
    if (kept(c)) ++sorted.counts[std::size_t(expert(c))];
  }
  for (std::size_t e = 0; e < routing.pads.size(); ++e) sorted.counts[e] += routing.pads[e];
  std::vector<std::int64_t> next(std::size_t(num_experts) + 1);
  for (std::int64_t e = 0; e < num_experts; ++e) next[std::size_t(e + 1)] = next[std::size_t(e)] + sorted.counts[std::size_t(e)];
  sorted.token_of_sent.resize(std::size_t(next.back()), -1);
  sorted.choice_of_sent.resize(std::size_t(next.back()), -1);
  for (std::int64_t t = 0; t < routing.num_tokens; ++t) {
    for (int c = offsets(t); c < offsets(t + 1); ++c) {
      if (!kept(c)) continue;
      auto const row = std::size_t(next[std::size_t(expert(c))]++);
      sorted.token_of_sent[row] = int(t);
      sorted.choice_of_sent[row] = c;
      sorted.sent_of_choice[std::size_t(c)] = int(row);
    }
  }
  return sorted;
}

bool in_order(std::vector<int> const& positions) {
  for (std::size_t i = 0; i < positions.size(); ++i)
    if (positions[i] != int(i)) return false;
  return true;
}

template <class T>
void place_rows(ExecSpace const& exec, Routing<T> const& routing, SortedChoices const& sorted, Plan& plan) {
  MOESCOPE_CHECK(plan.rows.num_sent() == std::int64_t(sorted.token_of_sent.size()));
  plan.token_of_sent = upload(exec, "dispatch::token_of_sent", sorted.token_of_sent);
  plan.choice_of_sent = upload(exec, "dispatch::choice_of_sent", sorted.choice_of_sent);
  plan.sent_of_choice = upload(exec, "dispatch::sent_of_choice", sorted.sent_of_choice);
  if (!in_order(plan.rows.grouped_position))
    plan.grouped_position = upload(exec, "dispatch::grouped_position", plan.rows.grouped_position);
  plan.offsets = routing.offsets;
  plan.num_tokens = routing.num_tokens;
  plan.num_choices = routing.num_choices;
}

}  // namespace

template <class T>
CountedPlan plan_sent_rows(ExecSpace const& exec, Mesh& mesh, ExchangeId const& counts, ModelConfig const& model,
                           Routing<T> const& routing) {
  auto const sorted = sort_choices<T>(exec, routing);
  auto table = all_gather_control(mesh, counts, sorted.counts);
  Plan plan;
  plan.rows = plan_rows(mesh.layout(), model, mesh.rank(), table);
  place_rows<T>(exec, routing, sorted, plan);
  return {std::move(plan), std::move(table)};
}

template <class T>
Plan plan_at_home(ExecSpace const& exec, Routing<T> const& routing) {
  auto const sorted = sort_choices<T>(exec, routing);
  Plan plan;
  plan.rows.expert_offsets = {0};
  for (auto const count : sorted.counts) plan.rows.expert_offsets.push_back(plan.rows.expert_offsets.back() + count);
  plan.rows.send_rows = plan.rows.receive_rows = plan.rows.etp_rows = {plan.rows.num_gathered()};
  place_rows<T>(exec, routing, sorted, plan);
  return plan;
}

#define MOESCOPE_INSTANTIATE(T)                                                                                              \
  template CountedPlan plan_sent_rows<T>(ExecSpace const&, Mesh&, ExchangeId const&, ModelConfig const&, Routing<T> const&); \
  template Plan plan_at_home<T>(ExecSpace const&, Routing<T> const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope

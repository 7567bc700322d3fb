#include "dispatch/sent_rows.hpp"

#include "base/error.hpp"
#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "comm/exchange.hpp"
#include "kernels/permute.hpp"

namespace moescope {

namespace {

/// Kept choices in the order (expert, token, choice) by a stable counting sort.
struct SortedChoices {
  std::vector<std::int64_t> counts;  ///< [E]
  std::vector<int> token_of_sent, choice_of_sent, sent_of_choice;
};

template <class HostInts>
SortedChoices sort_choices(std::int64_t num_tokens, std::int64_t num_experts, HostInts offsets, HostInts expert, HostInts kept) {
  auto const num_choices = std::int64_t(expert.extent(0));
  SortedChoices sorted{
      std::vector<std::int64_t>(std::size_t(num_experts)), {}, {}, std::vector<int>(std::size_t(num_choices), -1)};
  for (std::int64_t c = 0; c < num_choices; ++c) {
    if (kept(c)) ++sorted.counts[std::size_t(expert(c))];
  }
  std::vector<std::int64_t> next(std::size_t(num_experts) + 1);
  for (std::int64_t e = 0; e < num_experts; ++e) next[std::size_t(e + 1)] = next[std::size_t(e)] + sorted.counts[std::size_t(e)];
  sorted.token_of_sent.resize(std::size_t(next.back()));
  sorted.choice_of_sent.resize(std::size_t(next.back()));
  for (std::int64_t t = 0; t < num_tokens; ++t) {
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

}  // namespace

template <class T>
CountedPlan plan_sent_rows(ExecSpace const& exec, Mesh& mesh, ExchangeId const& counts, ModelConfig const& model,
                           Routing<T> const& routing) {
  auto const sorted = sort_choices(routing.num_tokens, routing.num_experts, to_host(exec, routing.offsets),
                                   to_host(exec, routing.expert), to_host(exec, routing.kept));
  auto table = all_gather_control(mesh, counts, sorted.counts);
  Plan plan;
  plan.rows = plan_rows(mesh.layout(), model, mesh.rank(), table);
  MOESCOPE_CHECK(plan.rows.num_sent() == std::int64_t(sorted.token_of_sent.size()));
  plan.token_of_sent = upload("dispatch::token_of_sent", sorted.token_of_sent);
  plan.choice_of_sent = upload("dispatch::choice_of_sent", sorted.choice_of_sent);
  plan.sent_of_choice = upload("dispatch::sent_of_choice", sorted.sent_of_choice);
  plan.grouped_position = upload("dispatch::grouped_position", plan.rows.grouped_position);
  plan.offsets = routing.offsets;
  plan.num_tokens = routing.num_tokens;
  plan.num_choices = routing.num_choices;
  return {std::move(plan), std::move(table)};
}

template <class T>
Matrix<T> gather_grouped(ExecSpace const& exec, Mesh& mesh, Plan const& plan, ConstMatrix<T> received,
                         ExchangeId const& exchange) {
  auto const width = std::int64_t(received.extent(1)), gathered = plan.rows.num_gathered();
  ConstMatrix<T> arrived = received;
  if (mesh.group(Axis::etp).size() > 1) {
    auto const all = make_matrix<T>("dispatch::arrived", gathered, width);
    start_all_gather<T>(exec, mesh, exchange, received, plan.rows.etp_rows, all).wait();
    arrived = all;
  }
  auto const grouped = make_matrix<T>("dispatch::grouped", gathered, width);
  kernels::scatter_rows<T>(exec, arrived, plan.grouped_position, grouped);
  return grouped;
}

template <class T>
Matrix<T> scatter_grouped(ExecSpace const& exec, Mesh& mesh, Plan const& plan, ConstMatrix<T> grouped,
                          ExchangeId const& exchange) {
  auto const width = std::int64_t(grouped.extent(1));
  auto const arrived = make_matrix<T>("dispatch::arrived", plan.rows.num_gathered(), width);
  kernels::gather_rows<T>(exec, grouped, plan.grouped_position, arrived);
  if (mesh.group(Axis::etp).size() == 1) return arrived;
  auto const own = make_matrix<T>("dispatch::received", plan.rows.num_received(), width);
  start_reduce_scatter<T>(exec, mesh, exchange, arrived, plan.rows.etp_rows, own).wait();
  return own;
}

#define MOESCOPE_INSTANTIATE(T)                                                                                              \
  template CountedPlan plan_sent_rows<T>(ExecSpace const&, Mesh&, ExchangeId const&, ModelConfig const&, Routing<T> const&); \
  template Matrix<T> gather_grouped<T>(ExecSpace const&, Mesh&, Plan const&, ConstMatrix<T>, ExchangeId const&);             \
  template Matrix<T> scatter_grouped<T>(ExecSpace const&, Mesh&, Plan const&, ConstMatrix<T>, ExchangeId const&);
MOESCOPE_INSTANTIATE(double)
MOESCOPE_INSTANTIATE(float)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope

#include <numeric>

#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "comm/exchange.hpp"
#include "dispatch/moved_rows.hpp"
#include "dispatch/row_dispatcher.hpp"
#include "dispatch/sent_rows.hpp"
#include "kernels/permute.hpp"

namespace moescope {

namespace names = traffic::names;

namespace {

using Counts = std::vector<std::int64_t>;

struct BlockExchanges {
  explicit BlockExchanges(Mesh const& mesh)
      : counts(mesh.exchange(names::counts)),
        tokens(mesh.exchange(names::tokens)),
        choices(mesh.exchange(names::choices)),
        out{mesh.exchange(names::block_dispatch_forward), mesh.exchange(names::block_combine_backward)},
        back{mesh.exchange(names::block_combine_forward), mesh.exchange(names::block_dispatch_backward)},
        weights{mesh.exchange(names::block_weights_forward), mesh.exchange(names::block_weights_backward)} {}
  ExchangeId counts, tokens, choices;
  PassExchanges out, back, weights;  ///< out: D; back: its adjoint
};

std::int64_t total(Counts const& counts) { return std::accumulate(counts.begin(), counts.end(), std::int64_t{0}); }

/// Numbers each rank of the block brings: kept choices over all experts. [block]
Counts kept_choices(Counts const& table, std::int64_t num_experts) {
  Counts kept;
  for (auto row = table.begin(); row != table.end(); row += num_experts)
    kept.push_back(std::accumulate(row, row + num_experts, std::int64_t{0}));
  return kept;
}

/// This rank's rows, grouped by its experts, then by member of the block: where each is among the block's kept choices.
/// A member's kept choices are ordered by expert.
std::vector<int> choices_of_rows(Counts const& table, Counts const& kept, std::int64_t num_experts, Range mine) {
  std::vector<int> rows;
  for (auto e = mine.begin; e < mine.end; ++e) {
    std::int64_t first = 0;
    for (std::size_t b = 0; b < kept.size(); ++b) {
      auto const* counts = table.data() + std::int64_t(b) * num_experts;
      auto const begin = first + std::accumulate(counts, counts + e, std::int64_t{0});
      for (std::int64_t i = 0; i < counts[e]; ++i) rows.push_back(int(begin + i));
      first += kept[b];
    }
  }
  return rows;
}

/// Rows of each token, ascending, as offsets and rows; pads are no token's.
struct TokenRows {
  std::vector<int> offsets, rows;
};

TokenRows rows_by_token(std::vector<int> const& token_of_row, std::int64_t num_tokens) {
  TokenRows result{std::vector<int>(std::size_t(num_tokens) + 1), std::vector<int>(token_of_row.size())};
  for (int const token : token_of_row)
    if (token >= 0) ++result.offsets[std::size_t(token) + 1];
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  auto next = result.offsets;
  for (std::size_t row = 0; row < token_of_row.size(); ++row)
    if (token_of_row[row] >= 0) result.rows[std::size_t(next[std::size_t(token_of_row[row])]++)] = int(row);
  return result;
}

/// Every rank of the expert block receives all its tokens and computes the rows of its own experts; each token's partial
/// sums return by one reduce_scatter. Weights have exchanges of their own, since a token moves once and may have any number of
/// them. More bytes than all_to_all where top_k is small, but one plain collective each way
/// (Megatron Core's allgather dispatcher).
template <class T>
class AllGatherDispatcher final : public Dispatcher<T> {
 public:
  AllGatherDispatcher(Mesh& mesh, ModelConfig const& model) : mesh_(mesh), model_(model), exchanges_(mesh) {}

  Plan plan(ExecSpace const& exec, Routing<T> const& routing) override {
    auto [plan, table] = plan_sent_rows<T>(exec, mesh_, exchanges_.counts, model_, routing);
    auto& block = plan.block;
    block.tokens = all_gather_control(mesh_, exchanges_.tokens, {routing.num_tokens});
    block.choices = kept_choices(table, model_.num_experts);
    auto const token_of_choice = gather_tokens_of_choices(exec, plan);
    auto const choice_of_row =
        choices_of_rows(table, block.choices, model_.num_experts, mesh_.layout().experts(model_, mesh_.rank()));
    std::vector<int> token_of_row;
    token_of_row.reserve(choice_of_row.size());
    for (int const choice : choice_of_row) token_of_row.push_back(token_of_choice[std::size_t(choice)]);
    auto const by_token = rows_by_token(token_of_row, total(block.tokens));
    block.choice_of_row = upload(exec, "dispatch::choice_of_row", choice_of_row);
    block.token_of_row = upload(exec, "dispatch::token_of_row", token_of_row);
    block.row_offsets = upload(exec, "dispatch::row_offsets", by_token.offsets);
    block.rows_of_token = upload(exec, "dispatch::rows_of_token", by_token.rows);
    name_peers(plan);
    return plan;
  }

  WeightedRows<T> dispatch(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& tokens) override {
    auto const rows = copy_block(exec, plan, tokens.rows, exchanges_.out.forward);
    auto const own = copy_choices<T>(exec, plan, tokens.weight);
    auto const all = gather(exec, own, plan.block.choices, exchanges_.weights.forward);
    auto const weight = make_matrix<Accumulate<T>>("dispatch::row_weights", plan.rows.num_gathered(), 1);
    kernels::gather_rows<Accumulate<T>>(exec, all, plan.block.choice_of_row, weight);
    return {rows, Kokkos::subview(weight, Kokkos::ALL, 0)};
  }

  WeightedRows<T> dispatch_backward(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& d_rows) override {
    using A = Accumulate<T>;
    Matrix<A> const all("dispatch::block_d_weights", total(plan.block.choices), 1);
    ConstMatrix<A> const weight(d_rows.weight.data(), d_rows.weight.extent(0), 1);
    kernels::scatter_rows<A>(exec, weight, plan.block.choice_of_row, all);
    auto const own = sum(exec, all, plan.block.choices, exchanges_.weights.backward);
    return {sum_block(exec, plan, d_rows.rows, exchanges_.back.backward), return_choices<T>(exec, plan, own)};
  }

  Matrix<T> combine(ExecSpace const& exec, Plan const& plan, Matrix<T> const& rows) override {
    return sum_block(exec, plan, rows, exchanges_.back.forward);
  }

  Matrix<T> combine_backward(ExecSpace const& exec, Plan const& plan, Matrix<T> const& d_tokens) override {
    return copy_block(exec, plan, d_tokens, exchanges_.out.backward);
  }

 private:
  using Rows = std::vector<std::int64_t>;

  /// The members' own rows behind each other; a block of one rank has its own only, and the same View.
  template <class Number>
  Matrix<Number> gather(ExecSpace const& exec, Matrix<Number> const& own, Rows const& rows, ExchangeId const& exchange) const {
    if (rows.size() == 1) return own;
    auto const all = make_matrix<Number>("dispatch::block_rows", total(rows), std::int64_t(own.extent(1)));
    start_all_gather<Number>(exec, mesh_, exchange, own, rows, all).wait();
    return all;
  }

  /// The adjoint.
  template <class Number>
  Matrix<Number> sum(ExecSpace const& exec, Matrix<Number> const& all, Rows const& rows, ExchangeId const& exchange) const {
    if (rows.size() == 1) return all;
    auto const me = std::size_t(mesh_.group(Axis::expert_block).rank());
    auto const own = make_matrix<Number>("dispatch::own_rows", rows[me], std::int64_t(all.extent(1)));
    start_reduce_scatter<Number>(exec, mesh_, exchange, all, rows, own).wait();
    return own;
  }

  /// Rows of this rank's experts, from the tokens of all members.
  Matrix<T> copy_block(ExecSpace const& exec, Plan const& plan, Matrix<T> const& tokens, ExchangeId const& exchange) const {
    auto const all = gather(exec, tokens, plan.block.tokens, exchange);
    auto const rows = make_matrix<T>("dispatch::rows", plan.rows.num_gathered(), std::int64_t(tokens.extent(1)));
    kernels::gather_rows<T>(exec, all, plan.block.token_of_row, rows);
    return rows;
  }

  /// The adjoint: sums of each token of the block, of which the own come back.
  Matrix<T> sum_block(ExecSpace const& exec, Plan const& plan, Matrix<T> const& rows, ExchangeId const& exchange) const {
    auto const all = make_matrix<T>("dispatch::block_sums", total(plan.block.tokens), std::int64_t(rows.extent(1)));
    kernels::sum_rows<T>(exec, rows, plan.block.row_offsets, plan.block.rows_of_token, all);
    return sum(exec, all, plan.block.tokens, exchange);
  }

  /// Token of the block of each of its kept choices, -1 of its pads.
  std::vector<int> gather_tokens_of_choices(ExecSpace const& exec, Plan const& plan) const {
    auto const own = to_host(exec, plan.token_of_sent);
    auto const numbers = all_gather_control(mesh_, exchanges_.choices, std::vector<double>(own.data(), own.data() + own.size()),
                                            plan.block.choices);
    std::vector<int> tokens;
    std::int64_t first_token = 0;
    for (std::size_t b = 0; b < plan.block.choices.size(); ++b) {
      for (std::int64_t i = 0; i < plan.block.choices[b]; ++i) {
        auto const number = std::int64_t(numbers[tokens.size()]);
        tokens.push_back(number < 0 ? -1 : int(first_token + number));
      }
      first_token += plan.block.tokens[b];
    }
    return tokens;
  }

  void name_peers(Plan& plan) const {
    auto const members = mesh_.layout().members(Axis::expert_block, mesh_.rank());
    for (std::size_t b = 0; b < members.size(); ++b) {
      plan.peers.push_back({members[b], plan.num_tokens, plan.block.tokens[b], plan.rows.num_sent(), plan.block.choices[b]});
    }
  }

  Mesh& mesh_;
  ModelConfig const model_;
  BlockExchanges const exchanges_;
};

}  // namespace

template <class T>
std::unique_ptr<Dispatcher<T>> make_all_gather(Mesh& mesh, ModelConfig const& model) {
  return std::make_unique<AllGatherDispatcher<T>>(mesh, model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Dispatcher<T>> make_all_gather<T>(Mesh&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope

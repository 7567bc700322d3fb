#include "layout/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.hpp"
#include "config/choices.hpp"

namespace moescope {
namespace {

void require_divides(std::string const& what, std::int64_t divisor, std::int64_t ranks) {
  if (ranks % divisor != 0) throw UserError(fmt::format("{} does not divide layout.ranks = {}", what, ranks));
}

void require_positive(char const* key, std::int64_t value) {
  if (value < 1) throw UserError(fmt::format("layout.{} = {} must be at least 1", key, value));
}

void require_given(char const* key, std::int64_t given, std::int64_t derived, std::string const& rule) {
  if (given != 0 && given != derived)
    throw UserError(fmt::format("layout.{} = {} clashes with {} = {}; leave it out to derive it", key, given, rule, derived));
}

void require_one(char const* key, std::int64_t value) {
  if (value != 1) throw UserError(fmt::format("layout.{} = {} is not supported; only 1 is", key, value));
}

void require_units(std::int64_t units, std::string const& what, char const* axis, std::int64_t ranks) {
  if (units < ranks) throw UserError(fmt::format("{} {} cannot be split over {} = {} ranks", units, what, axis, ranks));
}

/// KV heads that a contiguous range of query heads reads.
Range read_kv_heads(ModelConfig const& model, Range queries) {
  auto const kv_of = [&](std::int64_t query) { return query * model.num_kv_heads / model.num_heads; };
  return {kv_of(queries.begin), kv_of(queries.end - 1) + 1};
}

Range kv_heads_of(ModelConfig const& model, std::int64_t tp, std::int64_t tp_rank) {
  return read_kv_heads(model, split(model.num_heads, tp, tp_rank));
}

/// Derives what is zero.
GridSizes sizes_of(LayoutConfig const& config, std::int64_t ranks) {
  GridSizes sizes{.tp = config.tp, .ep = config.ep, .etp = config.etp ? config.etp : config.tp};
  require_one("pp", config.pp);
  require_one("cp", config.cp);
  require_positive("ranks", ranks);
  require_positive("tp", sizes.tp);
  require_positive("ep", sizes.ep);
  require_positive("etp", sizes.etp);
  require_given("ranks", config.ranks, ranks, "the number of ranks launched");
  require_divides(fmt::format("layout.tp = {}", sizes.tp), sizes.tp, ranks);
  require_divides(fmt::format("layout.ep = {}", sizes.ep), sizes.ep, ranks);
  require_divides(fmt::format("layout.etp = {}{}", sizes.etp, config.etp ? "" : " (by default tp)"), sizes.etp, ranks);
  auto const block = sizes.ep * sizes.etp;
  require_divides(fmt::format("layout.ep * layout.etp = {} * {} = {}", sizes.ep, sizes.etp, block), block, ranks);
  sizes.dp = ranks / sizes.tp;
  sizes.edp = ranks / block;
  require_given("dp", config.dp, sizes.dp, fmt::format("ranks / tp = {} / {}", ranks, sizes.tp));
  require_given("edp", config.edp, sizes.edp, fmt::format("ranks / (ep * etp) = {} / ({} * {})", ranks, sizes.ep, sizes.etp));
  return sizes;
}

std::string_view known_order(std::string_view order) {
  auto const& known = choices::layout_order;
  if (std::find(known.begin(), known.end(), order) == known.end())
    throw UserError(fmt::format("layout.order = \"{}\" must be one of {}", order, fmt::join(known, ", ")));
  return order;
}

}  // namespace

std::int64_t fewest_ranks(LayoutConfig const& config) {
  auto const block = config.ep * (config.etp ? config.etp : config.tp);
  auto const times = config.edp ? config.edp : config.tp / std::gcd(config.tp, block);
  auto const ranks = [](std::int64_t a, std::int64_t b) {
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    if (a <= most / b) return a * b;
    throw UserError(fmt::format("the sizes of [layout] need more than {} ranks", most));
  };
  return config.dp ? ranks(config.dp, config.tp) : ranks(block, times);
}

Layout::Layout(LayoutConfig const& config, std::int64_t ranks) : grid_(sizes_of(config, ranks), known_order(config.order)) {
  auto const sizes = sizes_of(config, ranks);
  auto const same = [&](std::string_view order) { return Grid(sizes, order) == grid_; };
  order_ = *std::find_if(choices::layout_order.begin(), choices::layout_order.end(), same);
}

void Layout::check_model(ModelConfig const& model) const {
  require_units(model.num_heads, "attention heads", "tp", size(Axis::tp));
  require_units(model.vocab_size, "vocabulary rows", "tp", size(Axis::tp));
  require_units(model.num_experts, "experts", "ep", size(Axis::ep));
  for (auto const& widths : model.expert_widths)
    for (auto const width : widths) require_units(width, "columns of an expert", "etp", size(Axis::etp));
}

Range Layout::sequences(BatchConfig const& batch, std::int64_t micro_step, std::int64_t rank) const {
  auto const micro_batch = split(batch.sequences, batch.micro_steps, micro_step);
  auto const mine = share(micro_batch.size(), Axis::dp, rank);
  return {micro_batch.begin + mine.begin, micro_batch.begin + mine.end};
}

Range Layout::owned_tokens(std::int64_t dp_tokens, std::int64_t rank) const { return share(dp_tokens, Axis::tp, rank); }

Range Layout::query_heads(ModelConfig const& model, std::int64_t rank) const { return share(model.num_heads, Axis::tp, rank); }

Range Layout::kv_heads(ModelConfig const& model, std::int64_t rank) const {
  return kv_heads_of(model, size(Axis::tp), coordinate(Axis::tp, rank));
}

Range Layout::owned_kv_heads(ModelConfig const& model, std::int64_t rank) const {
  auto held = kv_heads(model, rank);
  auto const tp_rank = coordinate(Axis::tp, rank);
  if (tp_rank > 0) held.begin = std::max(held.begin, kv_heads_of(model, size(Axis::tp), tp_rank - 1).end);
  return held;
}

std::vector<std::int64_t> Layout::replicated_kv_heads(ModelConfig const& model) const {
  std::vector<std::int64_t> heads;
  for (std::int64_t tp_rank = 1; tp_rank < size(Axis::tp); ++tp_rank) {
    auto const head = kv_heads_of(model, size(Axis::tp), tp_rank).begin;
    bool const shared = kv_heads_of(model, size(Axis::tp), tp_rank - 1).contains(head);
    if (shared && (heads.empty() || heads.back() != head)) heads.push_back(head);
  }
  return heads;
}

Range Layout::vocabulary(ModelConfig const& model, std::int64_t rank) const { return share(model.vocab_size, Axis::tp, rank); }

Range Layout::experts(ModelConfig const& model, std::int64_t rank) const { return share(model.num_experts, Axis::ep, rank); }

std::int64_t Layout::expert_owner(ModelConfig const& model, std::int64_t expert) const {
  return split_owner(model.num_experts, size(Axis::ep), expert);
}

Range Layout::expert_columns(std::int64_t width, std::int64_t rank) const { return share(width, Axis::etp, rank); }

std::string Layout::describe() const {
  auto const text = fmt::format("{} ranks = dp {} x tp {} (attention) = edp {} x ep {} x etp {} (experts)", ranks(),
                                size(Axis::dp), size(Axis::tp), size(Axis::edp), size(Axis::ep), size(Axis::etp));
  return order_ == choices::layout_order.front() ? text : fmt::format("{}, in the order {}", text, order_);
}

Range Layout::share(std::int64_t units, Axis axis, std::int64_t rank) const {
  return split(units, size(axis), coordinate(axis, rank));
}

}  // namespace moescope

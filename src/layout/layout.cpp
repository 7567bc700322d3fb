#include "layout/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "base/error.hpp"

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

}  // namespace

char const* name(Axis axis) {
  constexpr std::array<char const*, num_axes> names = {"world", "tp", "dp", "ep", "etp", "edp", "expert_block"};
  return names[std::size_t(axis)];
}

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

Layout::Layout(LayoutConfig const& config, std::int64_t ranks)
    : ranks_(ranks), tp_(config.tp), ep_(config.ep), etp_(config.etp ? config.etp : config.tp) {
  require_one("pp", config.pp);
  require_one("cp", config.cp);
  require_positive("ranks", ranks_);
  require_positive("tp", tp_);
  require_positive("ep", ep_);
  require_positive("etp", etp_);
  require_given("ranks", config.ranks, ranks_, "the number of ranks launched");
  require_divides(fmt::format("layout.tp = {}", tp_), tp_, ranks_);
  require_divides(fmt::format("layout.ep = {}", ep_), ep_, ranks_);
  require_divides(fmt::format("layout.etp = {}{}", etp_, config.etp ? "" : " (by default tp)"), etp_, ranks_);
  require_divides(fmt::format("layout.ep * layout.etp = {} * {} = {}", ep_, etp_, ep_ * etp_), ep_ * etp_, ranks_);
  dp_ = ranks_ / tp_;
  edp_ = ranks_ / (ep_ * etp_);
  require_given("dp", config.dp, dp_, fmt::format("ranks / tp = {} / {}", ranks_, tp_));
  require_given("edp", config.edp, edp_, fmt::format("ranks / (ep * etp) = {} / ({} * {})", ranks_, ep_, etp_));
}

void Layout::check_model(ModelConfig const& model) const {
  require_units(model.num_heads, "attention heads", "tp", tp_);
  require_units(model.vocab_size, "vocabulary rows", "tp", tp_);
  require_units(model.num_experts, "experts", "ep", ep_);
  for (auto const& widths : model.expert_widths)
    for (auto const width : widths) require_units(width, "columns of an expert", "etp", etp_);
}

std::int64_t Layout::size(Axis axis) const {
  switch (axis) {
    case Axis::world:
      return ranks_;
    case Axis::tp:
      return tp_;
    case Axis::dp:
      return dp_;
    case Axis::ep:
      return ep_;
    case Axis::etp:
      return etp_;
    case Axis::edp:
      return edp_;
    case Axis::expert_block:
      return ep_ * etp_;
  }
  MOESCOPE_CHECK(!"a known axis");
  return 0;
}

std::int64_t Layout::stride(Axis axis) const {
  switch (axis) {
    case Axis::dp:
      return tp_;
    case Axis::ep:
      return etp_;
    case Axis::edp:
      return ep_ * etp_;
    default:
      return 1;
  }
}

std::int64_t Layout::coordinate(Axis axis, std::int64_t rank) const { return rank / stride(axis) % size(axis); }

std::vector<std::int64_t> Layout::members(Axis axis, std::int64_t rank) const {
  std::vector<std::int64_t> result(std::size_t(size(axis)));
  auto const first = first_member(axis, rank);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = first + std::int64_t(i) * stride(axis);
  return result;
}

Range Layout::sequences(BatchConfig const& batch, std::int64_t micro_step, std::int64_t rank) const {
  auto const micro_batch = split(batch.sequences, batch.micro_steps, micro_step);
  auto const mine = split(micro_batch.size(), dp_, coordinate(Axis::dp, rank));
  return {micro_batch.begin + mine.begin, micro_batch.begin + mine.end};
}

Range Layout::owned_tokens(std::int64_t dp_tokens, std::int64_t rank) const {
  return split(dp_tokens, tp_, coordinate(Axis::tp, rank));
}

Range Layout::query_heads(ModelConfig const& model, std::int64_t rank) const {
  return split(model.num_heads, tp_, coordinate(Axis::tp, rank));
}

Range Layout::kv_heads(ModelConfig const& model, std::int64_t rank) const {
  return kv_heads_of(model, tp_, coordinate(Axis::tp, rank));
}

Range Layout::owned_kv_heads(ModelConfig const& model, std::int64_t rank) const {
  auto held = kv_heads(model, rank);
  auto const tp_rank = coordinate(Axis::tp, rank);
  if (tp_rank > 0) held.begin = std::max(held.begin, kv_heads_of(model, tp_, tp_rank - 1).end);
  return held;
}

std::vector<std::int64_t> Layout::replicated_kv_heads(ModelConfig const& model) const {
  std::vector<std::int64_t> heads;
  for (std::int64_t tp_rank = 1; tp_rank < tp_; ++tp_rank) {
    auto const head = kv_heads_of(model, tp_, tp_rank).begin;
    bool const shared = kv_heads_of(model, tp_, tp_rank - 1).contains(head);
    if (shared && (heads.empty() || heads.back() != head)) heads.push_back(head);
  }
  return heads;
}

Range Layout::vocabulary(ModelConfig const& model, std::int64_t rank) const {
  return split(model.vocab_size, tp_, coordinate(Axis::tp, rank));
}

Range Layout::experts(ModelConfig const& model, std::int64_t rank) const {
  return split(model.num_experts, ep_, coordinate(Axis::ep, rank));
}

std::int64_t Layout::expert_owner(ModelConfig const& model, std::int64_t expert) const {
  return split_owner(model.num_experts, ep_, expert);
}

Range Layout::expert_columns(std::int64_t width, std::int64_t rank) const {
  return split(width, etp_, coordinate(Axis::etp, rank));
}

std::string Layout::describe() const {
  return fmt::format("{} ranks = dp {} x tp {} (attention) = edp {} x ep {} x etp {} (experts)", ranks_, dp_, tp_, edp_, ep_,
                     etp_);
}

}  // namespace moescope

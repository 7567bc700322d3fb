#include "gates/capacity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

#include "base/error.hpp"
#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "config/gate_kinds.hpp"
#include "gates/ties.hpp"

namespace moescope::gates {

namespace {

constexpr double not_chosen = std::numeric_limits<double>::quiet_NaN();

/// A choice of one pool: the smaller its key, the longer it stays.
struct Choice {
  int expert;
  double key;
  std::int64_t token;  ///< of the pool
  bool operator<(Choice const& other) const {
    return std::tie(expert, key, token) < std::tie(other.expert, other.key, other.token);
  }
};

/// The choices of owned tokens on the host, and what decides which of them stay.
class OwnChoices {
 public:
  OwnChoices(CapacityConfig const& capacity, std::string_view policy, std::vector<int> const& offsets,
             std::vector<double> const& weight, GateContext const& context, Pool const& pool)
      : capacity_(capacity),
        policy_(policy),
        offsets_(offsets),
        weight_(weight),
        context_(context),
        pool_(pool),
        stream_(context.seed, Purpose::capacity_drop, context.step, context.layer) {}

  double key(std::int64_t row, std::int64_t id, int choice) const {
    auto const place = choice - offsets_[std::size_t(row)];
    if (policy_ == "probability") return -rank_of(weight_[std::size_t(choice)]);
    if (policy_ == "position") return position(id, place);
    if (context_.injected && !context_.injected->drop_key.empty()) return context_.injected->drop_key.at(std::size_t(row));
    return stream_.uniform(id, place);
  }

 private:
  double position(std::int64_t id, std::int64_t place) const {
    auto const token = double((id - pool_.shape.first_id) % pool_.shape.tokens_in_pool);
    return capacity_.order == "choice" ? double(place) * double(pool_.shape.tokens_in_pool) + token : token;
  }

  CapacityConfig const& capacity_;
  std::string_view policy_;
  std::vector<int> const& offsets_;
  std::vector<double> const& weight_;
  GateContext const& context_;
  Pool const& pool_;
  RandomStream stream_;
};

/// Choices as numbers of each token: (expert, key) for each of a fixed number of choices, or a key for each expert.
struct Packing {
  std::int64_t width, num_experts;
  bool by_expert() const { return width == num_experts; }

  void add(std::vector<double>& rows, std::vector<Choice> const& of_token) const {
    auto const begin = rows.size();
    rows.resize(begin + std::size_t(width), not_chosen);
    MOESCOPE_CHECK(by_expert() || 2 * std::ssize(of_token) <= width);
    for (std::size_t i = 0; i < of_token.size(); ++i) {
      auto const& choice = of_token[i];
      if (by_expert()) {
        rows[begin + std::size_t(choice.expert)] = choice.key;
      } else {
        rows[begin + 2 * i] = choice.expert;
        rows[begin + 2 * i + 1] = choice.key;
      }
    }
  }
  std::vector<Choice> of_token(std::span<double const> row, std::int64_t token) const {
    std::vector<Choice> choices;
    for (std::int64_t i = 0; by_expert() && i < width; ++i)
      if (!std::isnan(row[i])) choices.push_back({int(i), row[i], token});
    for (std::int64_t i = 0; !by_expert() && i < width; i += 2)
      if (!std::isnan(row[i])) choices.push_back({int(row[i]), row[i + 1], token});
    return choices;
  }
};

/// [tokens * E] of one pool: whether a choice of the expert by the token stays.
std::vector<char> staying(Packing const& packing, std::span<double const> rows, std::int64_t capacity) {
  auto const tokens = std::int64_t(rows.size()) / packing.width;
  std::vector<Choice> all;
  for (std::int64_t t = 0; t < tokens; ++t) {
    auto const choices = packing.of_token(rows.subspan(std::size_t(t * packing.width), std::size_t(packing.width)), t);
    all.insert(all.end(), choices.begin(), choices.end());
  }
  std::sort(all.begin(), all.end());
  std::vector<char> stays(std::size_t(tokens * packing.num_experts));
  std::int64_t place = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    place = i > 0 && all[i].expert == all[i - 1].expert ? place + 1 : 0;
    stays[std::size_t(all[i].token * packing.num_experts + all[i].expert)] = place < capacity;
  }
  return stays;
}

std::int64_t gathered_width(ModelConfig const& model) { return pool_calls(model, false).back().numbers.per_token; }

}  // namespace

std::int64_t expert_capacity(ModelConfig const& model, std::int64_t tokens_in_pool) {
  double const share =
      model.capacity.factor * double(tokens_in_pool) * double(choices_per_token(model)) / double(model.num_experts);
  double const rounded = model.capacity.rounding == "up" ? std::ceil(share) : std::floor(share);
  return rounded < double(tokens_in_pool) ? std::int64_t(rounded) : tokens_in_pool;
}

template <class T>
void drop_over_capacity(ExecSpace const& exec, ModelConfig const& model, Routing<T> const& routing, GateContext const& context) {
  if (!drops(model)) return;
  auto const& pool = context.pool(model.gate.pool);
  auto const offsets = to_host_copy(exec, routing.offsets), expert = to_host_copy(exec, routing.expert);
  std::vector<double> weight;
  if (capacity_policy(model) == "probability")
    for (auto const w : to_host_copy(exec, routing.weight)) weight.push_back(double(w));
  auto const ids = context.tokens.on_host();
  OwnChoices const own(model.capacity, capacity_policy(model), offsets, weight, context, pool);
  Packing const packing{gathered_width(model), model.num_experts};
  std::vector<double> rows;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    std::vector<Choice> choices;
    for (int c = offsets[t]; c < offsets[t + 1]; ++c)
      choices.push_back({expert[std::size_t(c)], own.key(std::int64_t(t), ids[t], c), 0});
    packing.add(rows, choices);
  }
  auto const all = pool.exchange->gather(rows, packing.width);
  MOESCOPE_CHECK(std::int64_t(all.size()) == packing.width * pool.shape.tokens);

  auto const in_pool = pool.shape.tokens_in_pool, capacity = expert_capacity(model, in_pool);
  std::vector<int> kept(expert.size());
  std::vector<char> stays;
  std::int64_t number = -1;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    auto const token = ids[t] - pool.shape.first_id;
    if (token / in_pool != number) {
      number = token / in_pool;
      stays = staying(packing,
                      std::span(all).subspan(std::size_t(packing.width * number * in_pool), std::size_t(packing.width * in_pool)),
                      capacity);
    }
    for (int c = offsets[t]; c < offsets[t + 1]; ++c)
      kept[std::size_t(c)] = stays[std::size_t(token % in_pool * model.num_experts + expert[std::size_t(c)])];
  }
  upload(exec, kept, routing.kept);
}

#define MOESCOPE_INSTANTIATE(T) \
  template void drop_over_capacity<T>(ExecSpace const&, ModelConfig const&, Routing<T> const&, GateContext const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates

#include "gates/capacity.hpp"

#include <utility>

#include "base/error.hpp"
#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "config/capacity.hpp"
#include "config/gate_kinds.hpp"
#include "config/pool_calls.hpp"
#include "gates/capacity_places.hpp"
#include "gates/ties.hpp"

namespace moescope::gates {

namespace {

/// The choices of owned tokens on the host, and what decides which of them stay.
class OwnChoices {
 public:
  template <class T>
  OwnChoices(ExecSpace const& exec, ModelConfig const& model, Routing<T> const& routing, GateContext const& context)
      : model_(model),
        policy_(capacity_policy(model)),
        offsets_(to_host_copy(exec, routing.offsets)),
        expert_(to_host_copy(exec, routing.expert)),
        ids_(context.tokens.on_host()),
        shape_(context.pool(model.gate.pool).shape),
        stream_(context.seed, Purpose::capacity_drop, context.step, context.layer) {
    if (policy_ == "probability")
      for (auto const w : to_host_copy(exec, routing.weight)) weight_.push_back(double(w));
    if (context.injected) drop_key_ = context.injected->drop_key;
  }

  std::vector<double> packed(ChoicePacking const& packing) const {
    std::vector<double> rows;
    for (std::size_t t = 0; t < ids_.size(); ++t) {
      std::vector<KeyedChoice> choices;
      for (int c = offsets_[t]; c < offsets_[t + 1]; ++c) choices.push_back({expert_[std::size_t(c)], key(t, c), 0});
      packing.add(rows, choices);
    }
    return rows;
  }

  /// Of each choice whether it stays, by the packed choices of all tokens of the pools; adds pads where there is room for them.
  std::vector<int> kept(ChoicePacking const& packing, std::span<double const> all, std::vector<std::int64_t>& pads) const {
    std::vector<int> kept(expert_.size());
    auto const size = shape_.tokens_in_pool;
    Places places;
    std::int64_t number = -1;
    for (std::size_t t = 0; t < ids_.size(); ++t) {
      auto const token = ids_[t] - shape_.first_id;
      if (token / size != std::exchange(number, token / size)) {
        auto const rows = all.subspan(std::size_t(packing.width * number * size), std::size_t(packing.width * size));
        places = assign_places(packing, rows, expert_capacity(model_, size), !pads.empty());
      }
      auto const first = std::size_t(token % size * model_.num_experts);
      for (int c = offsets_[t]; c < offsets_[t + 1]; ++c)
        kept[std::size_t(c)] = places.stays[first + std::size_t(expert_[std::size_t(c)])];
      for (std::size_t e = 0; e < pads.size(); ++e) pads[e] += places.padded[first + e];
    }
    return kept;
  }

 private:
  double key(std::size_t row, int choice) const {
    auto const place = choice - offsets_[row];
    if (policy_ == "probability") return -rank_of(weight_[std::size_t(choice)]);
    if (policy_ == "position") return position(ids_[row], place);
    return drop_key_.empty() ? stream_.uniform(ids_[row], place) : drop_key_.at(row);
  }

  double position(std::int64_t id, std::int64_t place) const {
    auto const token = double((id - shape_.first_id) % shape_.tokens_in_pool);
    return model_.capacity.order == "choice" ? double(place) * double(shape_.tokens_in_pool) + token : token;
  }

  ModelConfig const& model_;
  std::string_view policy_;
  std::vector<int> offsets_, expert_;
  std::vector<double> weight_, drop_key_;
  std::vector<std::int64_t> ids_;
  PoolShape shape_;
  RandomStream stream_;
};

std::int64_t gathered_width(ModelConfig const& model) { return pool_calls(model, false).back().numbers.per_token; }

}  // namespace

template <class T>
void drop_over_capacity(ExecSpace const& exec, ModelConfig const& model, Routing<T>& routing, GateContext const& context) {
  if (!drops(model)) return;
  OwnChoices const own(exec, model, routing, context);
  ChoicePacking const packing{gathered_width(model), model.num_experts};
  auto const& pool = context.pool(model.gate.pool);
  auto const all = pool.exchange->gather(own.packed(packing), packing.width);
  MOESCOPE_CHECK(std::int64_t(all.size()) == packing.width * pool.shape.tokens);
  if (pads(model)) routing.pads.assign(std::size_t(model.num_experts), 0);
  upload(exec, own.kept(packing, all, routing.pads), routing.kept);
}

#define MOESCOPE_INSTANTIATE(T) \
  template void drop_over_capacity<T>(ExecSpace const&, ModelConfig const&, Routing<T>&, GateContext const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates

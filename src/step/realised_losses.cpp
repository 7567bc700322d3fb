#include "step/realised_losses.hpp"

#include <algorithm>
#include <limits>

#include "base/to_host.hpp"
#include "config/gate_kinds.hpp"
#include "config/loss_kinds.hpp"
#include "config/routers.hpp"

namespace moescope {

template <class T>
KeptShares keep_shares(ModelConfig const& model, Activations<T> const& activations) {
  KeptShares kept;
  if (!drops(model) || activations.blocks.empty()) return kept;
  auto const configured = losses(model);
  auto const ids = activations.blocks[0].moe.routed.context.tokens.on_host();
  kept.ids.assign(ids.begin(), ids.end());
  for (auto const& block : activations.blocks) {
    auto const& branch = block.moe.routed;
    auto& layer = kept.layers.emplace_back();
    for (std::size_t i = 0; i < configured.size(); ++i) {
      auto const& term = branch.router.terms[i];
      layer.push_back({term.per_choice, term.of_first_choice, branch.context.pool(configured[i].pool).shape});
      for (double& value : layer.back().per_choice) value *= term.weight;
    }
  }
  return kept;
}

namespace {

/// Whether choice c, one of a token's from `first` on, is the one that a loss counts.
bool counts(KeptShares::Loss const& loss, std::int64_t c, std::int64_t first) { return !loss.of_first_choice || c == first; }

}  // namespace

void add_realised(ExecSpace const& exec, RoutingRecord const& record, KeptShares const& shares, std::vector<double>& realised) {
  for (std::size_t l = 0; l < shares.layers.size(); ++l) {
    auto const& layer = record.layers[l];
    auto const offsets = to_host(exec, layer.offsets), expert = to_host(exec, layer.expert), kept = to_host(exec, layer.kept);
    auto const& all = shares.layers[l];
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto const& loss = all[i];
      auto const experts = std::int64_t(loss.per_choice.size()) / std::max<std::int64_t>(1, loss.pool.count());
      if (experts == 0) continue;
      for (std::size_t t = 0; t < shares.ids.size(); ++t) {
        auto const pool = (shares.ids[t] - loss.pool.first_id) / loss.pool.tokens_in_pool;
        for (auto c = offsets(t); c < offsets(t + 1); ++c)
          if (kept(c) && counts(loss, c, offsets(t)))
            realised[l * all.size() + i] += loss.per_choice[std::size_t(pool * experts + expert(c))];
      }
    }
  }
}

std::vector<double> no_realised_losses(ModelConfig const& model) {
  std::vector<double> realised;
  auto const configured = losses(model);
  for (std::int64_t l = 0; l < router_extents(model).routers; ++l)
    for (auto const& loss : configured)
      realised.push_back(drops(model) && loss_kind(loss.kind).of_shares ? 0 : std::numeric_limits<double>::quiet_NaN());
  return realised;
}

#define MOESCOPE_INSTANTIATE(T) template KeptShares keep_shares<T>(ModelConfig const&, Activations<T> const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope

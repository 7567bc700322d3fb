#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/token_ids.hpp"
#include "config/model_config.hpp"
#include "gates/forced_routing.hpp"
#include "gates/pool.hpp"
#include "gates/routing.hpp"
#include "gates/scores.hpp"

namespace moescope {

/// Values that replace drawn ones, for owned tokens: recorded noise of a fixture, a replayed permutation. Empty = draw.
struct InjectedNoise {
  std::vector<double>
      noise;  ///< [owned tokens, E]: what is multiplied with the noise std (noisy_top_k), added (switch) or ranked (random)
  std::vector<double> drop_key;  ///< [owned tokens]: the `capacity` smallest of an expert's tokens stay
};

/// All that a gate, its losses and the capacity may know beside hidden states.
struct GateContext {
  bool training = true;
  std::uint64_t seed = 0;
  std::int64_t step = 0;
  std::int64_t layer = 0;
  TokenIds tokens;          ///< of the rows
  ConstVector<int> words;   ///< [tokens] what stands there: ids of the vocabulary
  std::vector<Pool> pools;  ///< `pool_names`
  InjectedNoise const* injected = nullptr;
  ForcedRouting const* forced = nullptr;  ///< chooses instead of the gate

  /// It must be among `pools`.
  Pool const& pool(std::string const& name) const;
};

/// What a training step tells a gate of one router, the same on every rank.
struct GateStep {
  std::span<double const> choices;     ///< [E] before dropping, of the tokens on all ranks
  double tokens = 0;                   ///< of the step
  std::span<double const> pool_means;  ///< [E] Routing::pool_means, of all pools of the step; empty where the choice was forced
};

/// Router kind, which computes in Accumulate<T> whatever it is that products of hidden states give: normed hidden states of the
/// owned tokens -> scores -> choices -> weights, and the backward of it. Single-rank mathematics except through the context's
/// pools. Stateless: parameters are passed in, results are returned. `Router` calls these in their order.
template <class T>
class Gate {
 public:
  using Parameters = std::vector<Matrix<T>>;  ///< as `gate_tensors` lists them
  using Gradients = std::vector<Matrix<Accumulate<T>>>;

  explicit Gate(ModelConfig const& model);
  virtual ~Gate() = default;

  /// x [tokens,H].
  virtual Scores<T> score(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters,
                          GateContext const& context) const = 0;
  /// All choices kept, weights unset. Here: the `choices_per_token` largest of the ranking.
  virtual Routing<T> choose(ExecSpace const& exec, Scores<T> const& scores, GateContext const& context) const;
  /// Sets routing.weight, whoever chose.
  virtual void weigh(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing) const = 0;
  /// Adds to d_x [tokens,H] and to `gradients`; may overwrite `d`. Choices have no gradient.
  virtual void backward(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters, GateContext const& context,
                        Scores<T> const& scores, Routing<T> const& routing, ScoreGradients<T>& d, Matrix<T> d_x,
                        Gradients const& gradients) const = 0;
  /// After the optimizer's update of a training step: sets tensors that are not trained.
  virtual void update(ExecSpace const& exec, GateStep const& step, Parameters const& parameters) const;

 protected:
  std::int64_t num_experts_, top_k_;  ///< top_k_: choices_per_token
};

/// One name per kind in registry.cpp. Throws UserError listing the known names for an unknown kind.
template <class T>
std::unique_ptr<Gate<T>> make_gate(ModelConfig const& model);
std::vector<std::string> gate_kinds();

}  // namespace moescope

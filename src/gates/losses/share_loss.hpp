#pragma once
#include <functional>

#include "gates/losses/loss.hpp"
#include "gates/pool.hpp"

namespace moescope::gates {

/// scale * sum_e c_e P_e of a pool: c_e counted choices of expert e, which have no gradient, P_e its mean affinity.
struct ShareForm {
  bool first_choice_only = false;  ///< others of a token are not counted
  bool normalised = true;          ///< positive affinities of a token are divided by their sum
  std::int64_t group_size = 1;     ///< of so many consecutive experts each has the group's mean c
  bool joins_layers = false;       ///< c and P are means over all routers, which share the value evenly
  std::function<double(double choices, double tokens)> scale;  ///< of a pool with so many counted choices and tokens
};

/// A loss of that form, mean over pools.
template <class T>
class ShareLoss final : public RouterLoss<T> {
 public:
  ShareLoss(std::string pool, ShareForm form) : pool_(std::move(pool)), form_(std::move(form)) {}

  LossTerm forward(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing, GateContext const& context,
                   std::vector<Matrix<T>> const& parameters) const override;
  void join(std::span<LossTerm* const> routers) const override;
  void backward(ExecSpace const& exec, LossTerm const& term, double scale, Scores<T> const& scores, Routing<T> const& routing,
                GateContext const& context, ScoreGradients<T>& d) const override;

 private:
  std::string pool_;
  ShareForm form_;
};

}  // namespace moescope::gates

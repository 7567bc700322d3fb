#include "gates/router.hpp"

#include "config/gate_kinds.hpp"
#include "config/loss_kinds.hpp"
#include "gates/affinity.hpp"
#include "gates/capacity.hpp"
#include "gates/pooled/choices.hpp"
#include "gates/renormalised.hpp"

namespace moescope {
namespace {

template <class T>
Routing<T> forced_routing(ExecSpace const& exec, GateContext const& context, std::int64_t num_experts) {
  gates::Choices choices;
  context.forced->choose(context.step, context.layer, context.tokens.on_host(), choices.offsets, choices.expert);
  return gates::to_routing<T>(exec, choices, num_experts);
}

}  // namespace

template <class T>
double RouterResult<T>::balance_loss() const {
  double sum = 0;
  for (auto const& term : terms) sum += term.weight * term.value;
  return sum;
}

template <class T>
LossTerm const* RouterResult<T>::statistics() const {
  for (auto const& term : terms)
    if (!term.load.empty()) return &term;
  return nullptr;
}

template <class T>
Router<T>::Router(ModelConfig const& model) : model_(model), gate_(make_gate<T>(model)), losses_(losses(model)) {
  for (auto const& loss : losses_) {
    loss_.push_back(make_loss<T>(loss, model));
    needs_affinity_ = needs_affinity_ || loss_kind(loss.kind).needs_affinity;
  }
}

template <class T>
RouterResult<T> Router<T>::forward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters,
                                   GateContext const& context) const {
  RouterResult<T> result;
  auto& routing = result.routing;
  auto& scores = result.scores;
  scores = gate_->score(exec, x, parameters, context);
  routing = context.forced ? forced_routing<T>(exec, context, model_.num_experts) : gate_->choose(exec, scores, context);
  gate_->weigh(exec, scores, routing);
  if (needs_affinity_ && scores.affinity.extent(1) == 0)
    result.probabilities = scores.affinity = gates::softmax_rows<Accumulate<T>>(exec, scores.logits);
  for (std::size_t i = 0; i < loss_.size(); ++i) {
    result.terms.push_back(loss_[i]->forward(exec, scores, routing, context, parameters));
    result.terms.back().weight = losses_[i].weight;
  }
  gates::drop_over_capacity<T>(exec, model_, routing, context);
  result.weight = gates::renormalised<T>(exec, model_, routing);
  return result;
}

template <class T>
void Router<T>::backward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters,
                         GateContext const& context, RouterResult<T> const& result, ConstVector<Accumulate<T>> d_weight,
                         Matrix<T> d_x, std::vector<Matrix<Accumulate<T>>> const& gradients) const {
  ScoreGradients<T> d;
  d.weight = gates::renormalised_backward<T>(exec, model_, result.routing, d_weight);
  for (std::size_t i = 0; i < loss_.size(); ++i)
    loss_[i]->backward(exec, result.terms[i], losses_[i].weight, result.scores, result.routing, context, d);
  if (result.probabilities.extent(1) > 0 && d.affinity.extent(1) > 0) {
    to_add_to(exec, d.logits, x.extent(0), model_.num_experts);
    gates::softmax_rows_backward<Accumulate<T>>(exec, result.probabilities, d.affinity, d.logits);
    d.affinity = {};
  }
  gate_->backward(exec, x, parameters, context, result.scores, result.routing, d, d_x, gradients);
}

template <class T>
void Router<T>::join(std::vector<RouterResult<T>*> const& routers) const {
  for (std::size_t i = 0; i < loss_.size(); ++i) {
    std::vector<LossTerm*> terms;
    for (auto* router : routers) terms.push_back(&router->terms[i]);
    loss_[i]->join(terms);
  }
}

#define MOESCOPE_INSTANTIATE(T)    \
  template struct RouterResult<T>; \
  template class Router<T>;
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope

#pragma once
#include <any>

#include "base/views.hpp"

namespace moescope {

/// What a gate thinks of each owned token and expert. Each View is [tokens,E], or of size 0 where the gate has no such thing.
template <class T>
struct Scores {
  using A = Accumulate<T>;
  Matrix<A> logits;         ///< of its network, before noise
  Matrix<A> ranking;        ///< what is sorted to choose: noise, bias and limits are in it
  Matrix<A> affinity;       ///< softmax, sigmoid, ... of the logits: what weights and losses of probabilities are made of
  Matrix<A> load;           ///< a smooth number of choices; of size 0: they are counted
  std::any network, saved;  ///< what the backward of the network, and of this gate, consumes beside these
};

/// dL/d of what a Routing and its Scores hold, summed over the outputs and all losses. A View of size 0: 0.
template <class T>
struct ScoreGradients {
  using A = Accumulate<T>;
  Vector<A> weight;                  ///< [choices]; there whatever its size
  Matrix<A> logits, affinity, load;  ///< [tokens,E]
};

/// A View of a ScoreGradients to add to: zero-filled first where it is of size 0.
template <class A>
Matrix<A> const& to_add_to(ExecSpace const& exec, Matrix<A>& gradient, std::int64_t tokens, std::int64_t num_experts) {
  if (gradient.extent(1) == 0) {
    gradient = make_matrix<A>("gates::d_score", tokens, num_experts);
    Kokkos::deep_copy(exec, gradient, A(0));
  }
  return gradient;
}

}  // namespace moescope

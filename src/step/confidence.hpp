#pragma once
#include <vector>

#include "model/model.hpp"
#include "step/step_report.hpp"

namespace moescope {

/// What one router thought of a micro-batch, kept until there is time to look at it.
template <class T>
struct KeptScores {
  using A = Accumulate<T>;
  Matrix<A> probable;           ///< [tokens,E] what the probabilities are made of; of size 0: the gate has none
  bool are_logits = false;      ///< probable: their softmax, else their share of the sum
  Matrix<A> ranking;            ///< [tokens,E], or of size 0
  Vector<int> offsets, expert;  ///< as in Routing
};

/// Of every router.
template <class T>
std::vector<KeptScores<T>> keep_scores(Activations<T> const& activations);

/// Adds the tokens to report.confidence.
template <class T>
void add_confidence(ExecSpace const& exec, std::vector<KeptScores<T>> const& routers, RankReport& report);

}  // namespace moescope

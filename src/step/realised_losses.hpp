#pragma once
#include "model/model.hpp"
#include "step/routing_counts.hpp"

namespace moescope {

/// What a choice adds to the losses of shares of one micro-step, kept until there is time to count those that capacity left.
struct KeptShares {
  struct Loss {
    std::vector<double> per_choice;  ///< as in LossTerm, times the loss's weight
    bool of_first_choice = false;
    PoolShape pool;
  };
  std::vector<std::int64_t> ids;          ///< of the owned tokens
  std::vector<std::vector<Loss>> layers;  ///< [L][A]
};

/// Empty where nothing may be dropped.
template <class T>
KeptShares keep_shares(ModelConfig const& model, Activations<T> const& activations);

/// Adds to realised [L,A] what the kept choices of owned tokens add.
void add_realised(ExecSpace const& exec, RoutingRecord const& record, KeptShares const& shares, std::vector<double>& realised);

/// [L,A] to add to: 0, or NaN for a loss without shares and where nothing may be dropped.
std::vector<double> no_realised_losses(ModelConfig const& model);

}  // namespace moescope

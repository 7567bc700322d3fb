#pragma once
#include <span>
#include <string_view>

#include "config/pool_calls.hpp"

namespace moescope {

/// The row of a loss: all that is known of it without asking it. `gates/losses/registry.cpp` adds the factory.
struct LossKind {
  std::string_view name;
  PoolCalls sums{};                          ///< PoolExchange::sum
  bool needs_affinity = false;               ///< of a gate that has a network
  bool needs_logits = false;                 ///< likewise
  bool of_weights = false;                   ///< its gradient passes through the choices' weights and a smooth load alone
  bool of_shares = false;                    ///< of the shares of the choices, which a capacity may change
  std::string_view needs_tensor{};           ///< of that name, which not every gate has
  bool joins_layers = false;                 ///< its value depends on all routers together, which share it evenly
  std::string_view pool{};                   ///< where its pool is not given; empty: gate.pool
  std::span<std::string_view const> keys{};  ///< of `[gate]` that it reads, whatever the gate
};

std::span<LossKind const> all_loss_kinds();
std::span<std::string_view const> loss_kind_names();

/// Throws UserError with the list of known names.
LossKind const& loss_kind(std::string_view name);

}  // namespace moescope

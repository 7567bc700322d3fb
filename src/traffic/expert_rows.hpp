#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "config/model_config.hpp"
#include "layout/layout.hpp"

namespace moescope::traffic {

/// Kept choices of the tokens that a rank owns for an expert, in one layer of one micro-step.
using CountOf = std::function<std::int64_t(std::int64_t rank, std::int64_t expert)>;

/// Rows that one rank exchanges in one layer of one micro-step.
struct ExpertRows {
  std::vector<std::int64_t> send, receive;  ///< [ep] to and from each member of the ep group, itself included
  std::int64_t gathered = 0;                ///< rows that all its etp members received: what it computes
  std::int64_t block_choices = 0;           ///< kept choices of all members of its expert block
};
ExpertRows expert_rows(ModelConfig const& model, Layout const& layout, std::int64_t rank, CountOf const& count);

/// Rows that leave or reach the rank at group position `self`: all but its own.
std::int64_t away(std::vector<std::int64_t> const& rows, std::int64_t self);

}  // namespace moescope::traffic

#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "config/model_config.hpp"

namespace moescope {

/// Calls over pools, each of this many doubles: so many for every pool, every expert of every pool, and every token.
struct PoolCalls {
  std::int64_t calls = 0, per_pool = 0, per_expert = 0, per_token = 0;
};

/// Some of the calls that one router makes in a micro-step, one after the other.
struct RouterPoolCalls {
  enum class Operation { sum, gather } operation;  ///< of PoolExchange
  std::string pool;                                ///< name: "sequence", "block:<b>", "batch"
  PoolCalls numbers;
};

/// All of them in their order: to choose, by each loss, to drop. `training` as in GateContext.
std::vector<RouterPoolCalls> pool_calls(ModelConfig const& model, bool training);

/// Numbers that a step's report sums over ranks with pools of their own: of each router each loss, importance and load by expert,
/// and cv^2.
std::int64_t gate_statistics(ModelConfig const& model);

/// Numbers that gates with `updates` learn of each step on all ranks: of each router its choices by expert, and its pool means.
std::int64_t gate_step_numbers(ModelConfig const& model);

/// The pools that a gate, its losses or the capacity are taken over, each once; that of the gate first.
std::vector<std::string> pool_names(ModelConfig const& model);

}  // namespace moescope

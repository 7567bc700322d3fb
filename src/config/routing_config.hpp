#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace moescope {

/// `[routing]`: what replaces the choices of every gate in training. Each workload reads keys of its own (forced_workloads.hpp).
struct RoutingConfig {
  std::string forced = "none";             ///< name of a workload; none: natural routing
  std::int64_t hot_experts = 1;            ///< experts in the hot set
  double hot_share = 0.5;                  ///< of all choices that go to the hot experts
  std::int64_t expert_ranges = 2;          ///< contiguous ranges of experts, one of which is hot: layout.ep to make it a rank
  std::int64_t hot_range = 0;              ///< which of them
  std::int64_t rotate_every = 10;          ///< steps after which the hot set moves on
  std::int64_t burst_period = 10;          ///< steps from one burst to the next
  std::int64_t burst_length = 1;           ///< steps of a burst
  double zipf_exponent = 1;                ///< share of the expert of rank r is proportional to r^-exponent
  double log_normal_sigma = 1;             ///< standard deviation of the logarithm of a share
  double max_vio = 1;                      ///< largest count / mean count - 1, over the experts of a layer in a step
  std::vector<std::int64_t> zero_experts;  ///< that get nothing
  std::int64_t fewest_choices = 0;         ///< of a token
  std::int64_t most_choices = 0;           ///< of a token; 0: all experts
  std::string ragged_by = "sequence";      ///< sequence | token: what has one number of choices
  std::vector<std::vector<std::int64_t>> counts;  ///< [num_layers][num_experts] choices, scaled to those of a step
  std::string file;                               ///< run file that is replayed
  std::string file_step = "start";                ///< start | middle | end | step:<n>: of the file
  std::string file_steps = "held";                ///< held: that step's counts in every step; advancing: from it on
};

}  // namespace moescope

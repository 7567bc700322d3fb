#include "config/routing_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/range.hpp"
#include "config/forced_workloads.hpp"
#include "config/gate_kinds.hpp"
#include "config/key.hpp"

namespace moescope {
namespace {

/// Each member is the rules of one key, or of keys that stand or fall together.
class RoutingRules {
 public:
  RoutingRules(RunConfig const& config, Settings const& given)
      : c_(config),
        r_(c_.routing),
        given_(given),
        keys_(keys_of(c_)),
        experts_(c_.model.num_experts),
        k_(choices_per_token(c_.model)) {}

  void check() {
    if (c_.eval.every > 0)
      broken("eval.every",
             fmt::format("must be 0 with routing.forced = \"{}\": a forced run tells nothing of losses", r_.forced));
    check_hot();
    check_steps();
    check_balance();
    check_numbers_of_choices();
    check_capacity();
    check_file();
  }

 private:
  bool reads(std::string const& path) const { return find_key(keys_, path)->applies(c_); }
  [[noreturn]] void broken(std::string const& path, std::string const& rule) const {
    refuse(given_, path, value_of(*find_key(keys_, path)), rule);
  }
  void at_most(std::string const& path, double value, double most, std::string const& why) const {
    if (reads(path) && value > most) broken(path, fmt::format("must be at most {}: {}", most, why));
  }

  void check_hot() const;
  void check_share(std::int64_t hot) const;
  void check_steps() const;
  void check_balance() const;
  void check_numbers_of_choices() const;
  void check_capacity() const;
  void check_file() const;

  RunConfig c_;
  RoutingConfig const& r_;
  Settings const& given_;
  std::vector<Key> keys_;
  std::int64_t experts_, k_;
};

void RoutingRules::check_hot() const {
  auto const all = fmt::format("there are model.num_experts = {}", experts_);
  at_most("routing.hot_experts", double(r_.hot_experts), double(experts_), all);
  at_most("routing.expert_ranges", double(r_.expert_ranges), double(experts_), all);
  at_most("routing.hot_range", double(r_.hot_range), double(r_.expert_ranges - 1),
          fmt::format("it is one of routing.expert_ranges = {}, counted from 0", r_.expert_ranges));
  if (reads("routing.hot_experts")) check_share(r_.hot_experts);
  if (reads("routing.hot_range")) check_share(split(experts_, r_.expert_ranges, r_.hot_range).size());
}

/// A token visits an expert once, so `hot` experts can take so many of its choices, and the others so many.
void RoutingRules::check_share(std::int64_t hot) const {
  auto const most = std::min(1.0, double(hot) / double(k_)), least = std::max(0.0, 1 - double(experts_ - hot) / double(k_));
  if (r_.hot_share >= least && r_.hot_share <= most) return;
  broken("routing.hot_share",
         fmt::format("must be from {} to {}: a token makes {} choices of different experts, {} of the {} are hot", least, most,
                     k_, hot, experts_));
}

void RoutingRules::check_steps() const {
  at_most("routing.burst_length", double(r_.burst_length), double(r_.burst_period), "a burst ends within routing.burst_period");
}

void RoutingRules::check_balance() const {
  at_most("routing.max_vio", r_.max_vio, double(experts_) / double(k_) - 1,
          fmt::format("an expert that every token visits has num_experts / choices = {} / {} times the mean", experts_, k_));
  auto const enough = fmt::format("must leave {} experts with choices, as many as a token makes", k_);
  if (reads("routing.zero_experts")) {
    std::set<std::int64_t> const zero(r_.zero_experts.begin(), r_.zero_experts.end());
    if (zero.empty() || zero.size() != r_.zero_experts.size() || *zero.rbegin() >= experts_)
      broken("routing.zero_experts", fmt::format("must name one or more experts, each once, from 0 to {}", experts_ - 1));
    if (experts_ - std::int64_t(zero.size()) < k_) broken("routing.zero_experts", enough);
  }
  if (!reads("routing.counts")) return;
  if (r_.counts.empty()) broken("routing.counts", "must give a number of choices for each expert");
  for (auto const& layer : r_.counts) {
    if (std::int64_t(layer.size()) != experts_)
      broken("routing.counts", fmt::format("must give {} counts in each layer (model.num_experts)", experts_));
    if (std::count_if(layer.begin(), layer.end(), [](auto count) { return count > 0; }) < k_) broken("routing.counts", enough);
  }
}

void RoutingRules::check_numbers_of_choices() const {
  auto const most = r_.most_choices == 0 ? experts_ : r_.most_choices;
  at_most("routing.most_choices", double(most), double(experts_), "a token visits an expert once");
  at_most("routing.fewest_choices", double(r_.fewest_choices), double(most), "routing.most_choices is not below it");
}

void RoutingRules::check_capacity() const {
  bool const told_by_file = find_forced_workload(r_.forced)->replays != Replays::nothing;
  if (is_ragged(c_) && !told_by_file && !is_ragged(c_.model) && drops(c_.model))
    broken("capacity.policy", fmt::format("must be \"none\" with routing.forced = \"{}\", where tokens make different numbers of "
                                          "choices and gate.kind = \"{}\" expects one number",
                                          r_.forced, c_.model.gate.kind));
}

void RoutingRules::check_file() const {
  if (!reads("routing.file")) return;
  if (r_.file.empty()) broken("routing.file", "must name the run file that is replayed");
  if (!step_in_file(r_.file_step, 1)) broken("routing.file_step", "must be start, middle, end or step:<n>");
}

}  // namespace

void check_routing(RunConfig const& config, Settings const& given) {
  if (is_forced(config) && idle_under("routing.forced", config).empty()) RoutingRules(config, given).check();
}

}  // namespace moescope

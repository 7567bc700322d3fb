#include "apps/benchmarks/cases.hpp"

#include <fmt/format.h>

#include "base/random.hpp"

namespace moescope::benchmarks {

namespace {

struct Sizes {
  char const* name;
  std::int64_t hidden, layers, heads, kv_heads, expert_width, experts, top_k, vocabulary, sequences, sequence_length;
};

constexpr Sizes all_sizes[] = {{"small", 512, 4, 8, 8, 1024, 8, 2, 256, 4, 512},
                               {"wide", 4096, 1, 32, 32, 688, 16, 4, 32000, 1, 512},
                               {"fine", 1024, 2, 16, 4, 256, 64, 8, 32000, 1, 1024},
                               {"mixtral", 1024, 2, 16, 4, 3584, 8, 2, 32000, 1, 1024}};

Case make_case(Sizes const& s) {
  auto const toml = fmt::format(
      "[model]\nvocab_size = {}\nhidden_size = {}\nnum_layers = {}\nnum_heads = {}\nnum_kv_heads = {}\nnum_experts = {}\n"
      "top_k = {}\nintermediate_size = {}\n"
      "[gate]\nkind = 'noisy_top_k'\nnetwork = 'linear'\nadd_noise = false\npool = 'batch'\n"
      "[batch]\nsequences = {}\nsequence_length = {}\n"
      "[optimizer]\nlearning_rate = 1e-4\nwarm_up_steps = 0\nschedule = 'constant'\n"
      "[train]\nsteps = 100\ndtype = 'float32'\ntiming = 'phased'\ndispatcher = 'all_to_all'\n[data]\npath = 'none'\n",
      s.vocabulary, s.hidden, s.layers, s.heads, s.kv_heads, s.experts, s.top_k, s.expert_width * s.experts, s.sequences,
      s.sequence_length);
  return {s.name, parse_run_config(toml, s.name, {})};
}

}  // namespace

std::vector<Case> const& cases() {
  static std::vector<Case> const all = [] {
    std::vector<Case> made;
    for (auto const& sizes : all_sizes) made.push_back(make_case(sizes));
    return made;
  }();
  return all;
}

BatchSource random_tokens(RunConfig const& config) {
  auto const length = config.batch.sequence_length;
  auto const vocabulary = double(config.model.vocab_size);
  return [=](std::int64_t first, std::int64_t count) {
    RandomStream const stream(1, Purpose::document, 0, 0);
    Batch batch{first, count, {}, {}, std::vector<int>(std::size_t(count))};
    for (auto s = first; s < first + count; ++s) {
      for (std::int64_t t = 0; t < length; ++t) {
        batch.tokens.push_back(int(stream.uniform(s, t) * vocabulary));
        batch.targets.push_back(int(stream.uniform(s, t + 1) * vocabulary));
      }
    }
    return batch;
  };
}

}  // namespace moescope::benchmarks

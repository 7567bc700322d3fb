#pragma once
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "gates/routing.hpp"
#include "layout/layout.hpp"

/// Routings made by hand: a function of the rank that owns the tokens, so that every rank knows what any other one sends.
namespace moescope::test {

struct Choice {
  int expert;
  bool kept = true;
};
using Choices = std::vector<std::vector<Choice>>;  ///< [tokens] of one rank

struct RoutingCase {
  std::string name;
  std::int64_t num_experts;
  std::function<Choices(std::int64_t rank)> choices;
  bool pad = false;  ///< each rank sends its number + e rows of zeros to expert e

  std::vector<std::int64_t> pads(std::int64_t rank) const {
    std::vector<std::int64_t> of_expert(pad ? std::size_t(num_experts) : 0);
    std::iota(of_expert.begin(), of_expert.end(), rank);
    return of_expert;
  }
};

/// 0..E distinct experts a token in no particular order, a third of the choices dropped, 3 * (rank + 1) tokens.
inline Choices random_choices(std::int64_t rank, std::int64_t num_experts) {
  RandomStream const stream(7, Purpose::random_routing, rank, 0);
  Choices tokens(std::size_t(3 * (rank + 1)));
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    auto const first = std::int64_t(stream.uniform(std::int64_t(t), -1) * double(num_experts));
    for (std::int64_t i = 0; i < num_experts; ++i) {
      auto const expert = (first + 2 * i) % num_experts;  // distinct, since the numbers of experts below are odd
      if (stream.uniform(std::int64_t(t), expert) < 0.5)
        tokens[t].push_back({int(expert), stream.uniform(std::int64_t(t), num_experts + expert) > 0.33});
    }
  }
  return tokens;
}

/// The same list of kept experts for each of `count` tokens.
inline Choices alike(std::size_t count, std::vector<int> const& experts) {
  std::vector<Choice> token;
  token.reserve(experts.size());
  for (int const expert : experts) token.push_back({expert});
  return Choices(count, token);
}

inline std::vector<RoutingCase> routing_cases(std::int64_t ranks) {
  std::vector<int> all{4, 0, 3, 1, 2};
  auto const dropped = [](std::int64_t rank) {
    auto tokens = random_choices(rank, 5);
    for (auto& token : tokens)
      for (auto& choice : token) choice.kept = false;
    return tokens;
  };
  return {
      {"ragged and random", 5, [](std::int64_t rank) { return random_choices(rank, 5); }},
      {"ragged and random, an empty rank", 7, [](std::int64_t rank) { return rank == 0 ? Choices{} : random_choices(rank, 7); }},
      {"all to one expert", 5, [](std::int64_t rank) { return alike(std::size_t(rank + 2), {3}); }},
      {"an expert with none", 5,
       [](std::int64_t rank) {
         return alike(std::size_t(rank + 1), {4, 0, 2});
       }},
      {"k = E", 5, [all](std::int64_t) { return alike(4, all); }},
      {"one expert per rank", ranks, [ranks](std::int64_t rank) { return alike(3, {int((rank + 1) % ranks)}); }},
      {"every choice dropped", 5, dropped},
      {"tokens without choices", 5, [](std::int64_t) { return Choices(3); }},
      {"no token anywhere", 5, [](std::int64_t) { return Choices{}; }},
      {"ragged and random, padded", 5, [](std::int64_t rank) { return random_choices(rank, 5); }, true},
      {"pads alone", 5, dropped, true},
  };
}

inline std::int64_t num_choices(Choices const& tokens) {
  return std::accumulate(tokens.begin(), tokens.end(), std::int64_t{0},
                         [](std::int64_t sum, auto const& token) { return sum + std::int64_t(token.size()); });
}

inline Vector<int> device_ints(std::vector<int> const& values) {
  Vector<int> const device("test::ints", values.size());
  Kokkos::deep_copy(device, Kokkos::View<int const*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>(values.data(), values.size()));
  return device;
}

/// The weights are left out: dispatchers do not read them.
template <class T>
Routing<T> to_routing(Choices const& tokens, std::int64_t num_experts, std::vector<std::int64_t> const& pads = {}) {
  std::vector<int> offsets{0}, expert, kept;
  for (auto const& token : tokens) {
    for (auto const& choice : token) {
      expert.push_back(choice.expert);
      kept.push_back(choice.kept);
    }
    offsets.push_back(int(expert.size()));
  }
  Routing<T> routing;
  routing.num_tokens = std::int64_t(tokens.size());
  routing.num_choices = std::int64_t(expert.size());
  routing.num_experts = num_experts;
  routing.offsets = device_ints(offsets);
  routing.expert = device_ints(expert);
  routing.kept = device_ints(kept);
  routing.pads = pads;
  return routing;
}

}  // namespace moescope::test

#pragma once
#include <Kokkos_Macros.hpp>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace moescope {

/// What a random number is for; part of its key, so that two uses never share a stream. Values are stable.
enum class Purpose : std::uint32_t {
  weight = 1,
  gate_noise = 2,
  switch_noise = 3,
  random_routing = 4,
  capacity_drop = 5,
  domain = 6,
  document = 7,
  hash_routing = 8,
  gate_jitter = 16,
  second_choice = 17,
  forced_experts = 32,
  forced_tokens = 33,
  forced_choices = 34,
};

/// Philox4x32-10 counter-based generator (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
/// SC'11): a pure function of key and counter, so a number depends on what it is for and never on rank, batch split or
/// call order.
struct Philox {
  struct Block {
    std::uint32_t word[4];
  };

  KOKKOS_INLINE_FUNCTION static Block generate(std::uint64_t key, std::uint64_t id, std::uint64_t element) {
    std::uint32_t c[4] = {std::uint32_t(id), std::uint32_t(id >> 32), std::uint32_t(element), std::uint32_t(element >> 32)};
    std::uint32_t k[2] = {std::uint32_t(key), std::uint32_t(key >> 32)};
    for (int round = 0; round < 10; ++round) {
      std::uint64_t const p0 = 0xD2511F53ull * c[0], p1 = 0xCD9E8D57ull * c[2];
      std::uint32_t const next[4] = {std::uint32_t(p1 >> 32) ^ c[1] ^ k[0], std::uint32_t(p1),
                                     std::uint32_t(p0 >> 32) ^ c[3] ^ k[1], std::uint32_t(p0)};
      for (int i = 0; i < 4; ++i) c[i] = next[i];
      k[0] += 0x9E3779B9u;
      k[1] += 0xBB67AE85u;
    }
    return {{c[0], c[1], c[2], c[3]}};
  }
};

/// The random numbers of one purpose at one (seed, step, global layer); drawn in double and rounded by the caller.
struct RandomStream {
  std::uint64_t key;

  RandomStream(std::uint64_t seed, Purpose purpose, std::int64_t step, std::int64_t layer)
      : key(mix(mix(mix(mix(seed) ^ std::uint64_t(purpose)) ^ std::uint64_t(step)) ^ std::uint64_t(layer))) {}

  /// Uniform in the open interval (0, 1), 52 bits. `id` is a global token or row id, `element` an expert or column.
  KOKKOS_INLINE_FUNCTION double uniform(std::int64_t id, std::int64_t element) const {
    auto const b = Philox::generate(key, std::uint64_t(id), std::uint64_t(element));
    return to_unit(b.word[0], b.word[1]);
  }

  /// Standard normal (Box & Muller 1958, cosine branch).
  KOKKOS_INLINE_FUNCTION double normal(std::int64_t id, std::int64_t element) const {
    auto const b = Philox::generate(key, std::uint64_t(id), std::uint64_t(element));
    double const radius = std::sqrt(-2.0 * std::log(to_unit(b.word[0], b.word[1])));
    return radius * std::cos(6.283185307179586476925 * to_unit(b.word[2], b.word[3]));
  }

  /// Standard Gumbel, -log(-log(u)).
  KOKKOS_INLINE_FUNCTION double gumbel(std::int64_t id, std::int64_t element) const {
    return -std::log(-std::log(uniform(id, element)));
  }

 private:
  KOKKOS_INLINE_FUNCTION static double to_unit(std::uint32_t high, std::uint32_t low) {
    std::uint64_t const bits = ((std::uint64_t(high) << 32) | low) >> 12;
    return (double(bits) + 0.5) * 0x1.0p-52;
  }

  /// SplitMix64 finaliser (Steele, Lea, Flood, OOPSLA'14).
  static std::uint64_t mix(std::uint64_t z) {
    z += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
};

/// Key of a named tensor, for `RandomStream`'s layer argument: FNV-1a of its published name.
constexpr std::int64_t tensor_key(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325ull;
  for (char const c : name) hash = (hash ^ std::uint8_t(c)) * 0x100000001B3ull;
  return std::int64_t(hash);
}

}  // namespace moescope

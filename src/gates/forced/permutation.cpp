#include "gates/forced/permutation.hpp"

#include <algorithm>
#include <bit>

namespace moescope::forced {
namespace {

constexpr int rounds = 6;

int bits_of(std::int64_t size) { return std::max(2, int(std::bit_width(std::uint64_t(size - 1)))); }

}  // namespace

Permutation::Permutation(RandomStream const& stream, std::int64_t size)
    : stream_(stream), size_(size), low_bits_(bits_of(size) / 2), high_bits_(bits_of(size) - low_bits_) {}

std::int64_t Permutation::pass(std::int64_t value) const {
  auto low = value & ((std::int64_t(1) << low_bits_) - 1), high = value >> low_bits_;
  for (int round = 0; round < rounds; ++round) {
    auto& changed = round % 2 == 0 ? high : low;
    auto const other = round % 2 == 0 ? low : high;
    auto const bits = round % 2 == 0 ? high_bits_ : low_bits_;
    changed ^= std::int64_t(stream_.uniform(other, round) * double(std::int64_t(1) << bits));
  }
  return (high << low_bits_) | low;
}

std::int64_t Permutation::operator()(std::int64_t place) const {
  auto value = pass(place);
  while (value >= size_) value = pass(value);
  return value;
}

}  // namespace moescope::forced

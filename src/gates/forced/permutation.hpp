#pragma once
#include <cstdint>

#include "base/random.hpp"

namespace moescope::forced {

/// A random order of 0..size-1 of which each place is known without the others: an unbalanced Feistel network over the next power
/// of two, walked until it falls into the range (Black & Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002).
class Permutation {
 public:
  Permutation(RandomStream const& stream, std::int64_t size);
  std::int64_t operator()(std::int64_t place) const;

 private:
  std::int64_t pass(std::int64_t value) const;

  RandomStream stream_;
  std::int64_t size_;
  int low_bits_, high_bits_;
};

}  // namespace moescope::forced

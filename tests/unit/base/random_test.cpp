#include "base/random.hpp"

#include <cmath>

#include "support/catch.hpp"

using namespace moescope;

// Known answers of the generator's authors: kat_vectors of Random123 for philox4x32-10.
TEST_CASE("Philox4x32-10 gives the published known answers") {
  auto const zeros = Philox::generate(0, 0, 0);
  CHECK(zeros.word[0] == 0x6627e8d5u);
  CHECK(zeros.word[1] == 0xe169c58du);
  CHECK(zeros.word[2] == 0xbc57ac4cu);
  CHECK(zeros.word[3] == 0x9b00dbd8u);
  auto const ones = Philox::generate(~0ull, ~0ull, ~0ull);
  CHECK(ones.word[0] == 0x408f276du);
  CHECK(ones.word[1] == 0x41c83b0eu);
  CHECK(ones.word[2] == 0xa20bc7c6u);
  CHECK(ones.word[3] == 0x6d5451fdu);
}

TEST_CASE("normal numbers have the moments of N(0,1)") {
  RandomStream const stream(1, Purpose::gate_noise, 3, 2);
  double sum = 0, squares = 0;
  int const n = 100000;
  for (int i = 0; i < n; ++i) {
    double const z = stream.normal(i, 5);
    sum += z;
    squares += z * z;
  }
  CHECK(std::abs(sum / n) < 5 / std::sqrt(double(n)));
  CHECK(std::abs(squares / n - 1) < 5 * std::sqrt(2.0 / n));
}

TEST_CASE("streams of different purpose, step, layer or seed differ; uniform stays inside (0,1)") {
  RandomStream const a(1, Purpose::gate_noise, 3, 2);
  CHECK(a.uniform(0, 0) == RandomStream(1, Purpose::gate_noise, 3, 2).uniform(0, 0));
  CHECK(a.uniform(0, 0) != RandomStream(2, Purpose::gate_noise, 3, 2).uniform(0, 0));
  CHECK(a.uniform(0, 0) != RandomStream(1, Purpose::switch_noise, 3, 2).uniform(0, 0));
  CHECK(a.uniform(0, 0) != RandomStream(1, Purpose::gate_noise, 4, 2).uniform(0, 0));
  CHECK(a.uniform(0, 0) != RandomStream(1, Purpose::gate_noise, 3, 3).uniform(0, 0));
  for (int i = 0; i < 1000; ++i) CHECK((a.uniform(i, 1) > 0 && a.uniform(i, 1) < 1));
}

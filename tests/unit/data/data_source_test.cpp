#include "data/data_source.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "packing.hpp"
#include "support/catch.hpp"
#include "support/user_error.hpp"

using namespace moescope;

namespace {

constexpr std::int64_t length = 8;

/// Domains whose texts tell where they come from: letters, digits, signs; 20 documents each.
struct Packed {
  TemporaryFolder folder;
  Packed() {
    for (int i = 0; i < 20; ++i) {
      std::string letters, digits, signs;
      for (int j = 0; j < 50; ++j) {
        letters += char('a' + (i * 31 + j * 7) % 26);
        digits += char('0' + (i * 13 + j * j) % 10);
        signs += char('!' + (i * 5 + j * 3) % 14);
      }
      folder.write("letters/" + std::to_string(i), letters + std::to_string(i));
      folder.write("digits/" + std::to_string(i), digits + std::to_string(i));
      folder.write("signs/" + std::to_string(i), signs + std::to_string(i));
    }
    pack_text(pack_options(
        folder / "out",
        {{"letters", {folder / "letters"}, ""}, {"digits", {folder / "digits"}, ""}, {"signs", {folder / "signs"}, ""}}));
  }
  DataSource open(std::uint64_t seed = 1, std::vector<std::pair<std::string, double>> weights = {}) const {
    return DataSource({folder / "out", std::move(weights)}, length, seed, 257);
  }
};

std::map<int, double> domain_shares(DataSource const& source, std::int64_t count) {
  std::map<int, double> shares;
  for (int const domain : source.training(0, count).domain) shares[domain] += 1;
  for (auto& [domain, share] : shares) share /= double(count);
  return shares;
}

/// Where `window` begins in `tokens`; -1 if nowhere.
std::int64_t find_window(std::vector<int> const& tokens, std::vector<int> const& window) {
  auto const found = std::search(tokens.begin(), tokens.end(), window.begin(), window.end());
  return found == tokens.end() ? -1 : found - tokens.begin();
}

/// Sequence `row` of the batch with the target of its last position.
std::vector<int> window_of(Batch const& batch, std::int64_t row) {
  auto const begin = batch.tokens.begin() + row * length;
  std::vector<int> window(begin, begin + length);
  window.push_back(batch.targets[std::size_t(row * length + length - 1)]);
  return window;
}

}  // namespace

TEST_CASE("a batch has its shapes, and each target is the next token of its domain's file") {
  Packed const packed;
  auto const source = packed.open();
  CHECK(source.domains() == std::vector<std::string>{"letters", "digits", "signs"});
  auto const batch = source.training(5, 100);
  CHECK(batch.first_sequence == 5);
  CHECK(batch.count == 100);
  REQUIRE(batch.tokens.size() == 100 * length);
  REQUIRE(batch.targets.size() == 100 * length);
  REQUIRE(batch.domain.size() == 100);
  for (std::int64_t row = 0; row < batch.count; ++row) {
    for (std::int64_t s = 0; s + 1 < length; ++s)
      CHECK(batch.targets[std::size_t(row * length + s)] == batch.tokens[std::size_t(row * length + s + 1)]);
    auto const& name = source.domains()[std::size_t(batch.domain[std::size_t(row)])];
    CHECK(find_window(tokens_of(packed.folder / ("out/" + name + ".train.bin")), window_of(batch, row)) >= 0);
  }
}

TEST_CASE("a sequence depends on seed and number only: not on the split into batches, the order of calls or the object") {
  Packed const packed;
  auto const source = packed.open(7), again = packed.open(7), other = packed.open(8);
  auto const whole = source.training(0, 64);
  for (std::int64_t size : {1, 3, 16}) {
    for (std::int64_t first = 48; first >= 0; first -= size) {
      auto const part = again.training(first, size);
      CHECK(std::equal(part.tokens.begin(), part.tokens.end(), whole.tokens.begin() + first * length));
      CHECK(std::equal(part.targets.begin(), part.targets.end(), whole.targets.begin() + first * length));
      CHECK(std::equal(part.domain.begin(), part.domain.end(), whole.domain.begin() + first));
    }
  }
  CHECK(other.training(0, 64).tokens != whole.tokens);
  CHECK(source.training(64, 64).tokens != whole.tokens);
  CHECK(source.training(1LL << 40, 2).tokens == again.training(1LL << 40, 2).tokens);
}

TEST_CASE("an empty batch is a batch") {
  Packed const packed;
  auto const source = packed.open();
  CHECK(source.training(3, 0).tokens.empty());
  CHECK(source.held_out(0, 0, 0, 4).tokens.empty());
}

TEST_CASE("domains are drawn in proportion to their weights") {
  Packed const packed;
  std::int64_t const n = 20000;
  auto const expect = [&](std::map<int, double> const& shares, int domain, double p) {
    double const share = shares.count(domain) > 0 ? shares.at(domain) : 0;
    INFO("domain " << domain << " has share " << share << ", expected is " << p);
    CHECK(std::abs(share - p) <= 5 * std::sqrt(p * (1 - p) / double(n)));
  };
  auto const equal = domain_shares(packed.open(3), n);
  for (int d = 0; d < 3; ++d) expect(equal, d, 1.0 / 3);
  auto const weighted = domain_shares(packed.open(3, {{"signs", 6}, {"letters", 3}, {"digits", 1}}), n);
  expect(weighted, 0, 0.3);
  expect(weighted, 1, 0.1);
  expect(weighted, 2, 0.6);
  auto const partial = domain_shares(packed.open(3, {{"digits", 0.25}, {"letters", 0.25}}), n);
  expect(partial, 0, 0.5);
  expect(partial, 1, 0.5);
  expect(partial, 2, 0);
  expect(domain_shares(packed.open(3, {{"signs", 1e-300}}), n), 2, 1);
}

TEST_CASE("windows begin anywhere in the training part, the first and the last possible place included") {
  TemporaryFolder const folder;
  folder.write("text", "abcdefghij");
  pack_text(pack_options(folder / "out", {{"d", {folder / "text"}, ""}}, 0));
  DataSource const source({folder / "out", {}}, length, 1, 257);
  std::map<int, int> first_tokens;
  for (std::int64_t i = 0; i < 3000; ++i) ++first_tokens[source.training(i, 1).tokens[0]];
  CHECK(first_tokens.size() == 3);
  for (int token = 'a'; token <= 'c'; ++token) CHECK(std::abs(first_tokens[token] - 1000) < 130);
  auto const last = source.training(0, 100);
  CHECK(std::count(last.targets.begin(), last.targets.end(), 256) > 0);
}

TEST_CASE("held-out windows are evenly spaced, complete, and from the held-out file only") {
  Packed const packed;
  auto const source = packed.open();
  auto const tokens = tokens_of(packed.folder / "out/letters.held_out.bin");
  auto const batch = source.held_out(0, 0, 6, 6);
  auto const starts = std::int64_t(tokens.size()) - length;
  for (std::int64_t row = 0; row < 6; ++row) {
    auto const start = row * starts / 6;
    CHECK(window_of(batch, row) == std::vector<int>(tokens.begin() + start, tokens.begin() + start + length + 1));
    CHECK(batch.domain[std::size_t(row)] == 0);
    auto const alone = packed.open(99).held_out(0, row, 1, 6);
    CHECK(window_of(alone, 0) == window_of(batch, row));
  }
  CHECK(source.held_out(2, 1, 2, 4).domain == std::vector<int>{2, 2});
  CHECK(std::count(batch.targets.begin(), batch.targets.end(), -100) == 0);
}

TEST_CASE("no held-out document is in the training part") {
  Packed const packed;
  for (auto const* name : {"letters", "digits", "signs"}) {
    auto const train = documents_of(packed.folder / (std::string("out/") + name + ".train.bin"));
    auto const held_out = documents_of(packed.folder / (std::string("out/") + name + ".held_out.bin"));
    CHECK(held_out.size() == 2);
    CHECK(train.size() == 18);
    for (auto const& document : held_out) CHECK(std::count(train.begin(), train.end(), document) == 0);
  }
}

TEST_CASE("the fingerprint says which text it is") {
  Packed const packed, same;
  CHECK(packed.open().fingerprint() == same.open(5, {{"digits", 1}}).fingerprint());
  CHECK(packed.open().fingerprint().size() == 64);
  same.folder.write("letters/0", "changed");
  pack_text(pack_options(same.folder / "out", {{"letters", {same.folder / "letters"}, ""}}));
  CHECK(same.open().fingerprint() != packed.open().fingerprint());
}

#include "base/error.hpp"

#include <algorithm>

#include "support/catch.hpp"

using namespace moescope;

namespace {
std::string said(std::string const& sentence) { return UserError(sentence).what(); }
}  // namespace

TEST_CASE("a user's mistake is told on one line, whatever it quotes") {
  CHECK(said("run.toml: unknown key \"top_k\"") == "run.toml: unknown key \"top_k\"");
  CHECK(said("tensor 'a\nb\t\x1b[2J\x7f\xc3\xa9' is not here") == "tensor 'a b  [2J \xc3\xa9' is not here");
}

TEST_CASE("of a sentence that quotes pages the beginning and the end are told, in whole characters") {
  std::string letters;
  for (int i = 0; i < 5000; ++i) letters += "\xc3\xa9";
  for (std::string const before : {"a.json: ", "aa.json: "}) {
    auto const sentence = said(before + letters + " is no number");
    CHECK(sentence.size() <= 1500);
    CHECK(sentence.size() >= 1480);
    CHECK(sentence.starts_with(before + "\xc3\xa9"));
    CHECK(sentence.ends_with("\xc3\xa9 is no number"));
    CHECK(std::count(sentence.begin(), sentence.end(), '\xc3') == std::count(sentence.begin(), sentence.end(), '\xa9'));
  }
}

#include <fstream>
#include <set>
#include <sstream>

#include "record/schema.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

/// "/a/{b,c}/d" -> /a/b/d, /a/c/d; any number of braces.
std::vector<std::string> expanded(std::string const& pattern) {
  auto const open = pattern.find('{');
  if (open == std::string::npos) return {pattern};
  auto const close = pattern.find('}', open);
  REQUIRE(close != std::string::npos);
  std::vector<std::string> all;
  std::istringstream choices(pattern.substr(open + 1, close - open - 1));
  for (std::string choice; std::getline(choices, choice, ',');)
    for (auto const& path : expanded(pattern.substr(0, open) + choice + pattern.substr(close + 1))) all.push_back(path);
  return all;
}

/// Paths in the headings "### `/path`", and how often each stands there.
std::multiset<std::string> documented() {
  std::ifstream file(MOESCOPE_DEFINITIONS);
  REQUIRE(file);
  std::multiset<std::string> paths;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("### `/")) continue;
    REQUIRE(line.back() == '`');
    for (auto const& path : expanded(line.substr(5, line.size() - 6))) paths.insert(path);
  }
  return paths;
}

}  // namespace

TEST_CASE("every dataset has exactly one heading in the definitions, and every heading a dataset") {
  std::multiset<std::string> made;
  for (auto const& spec : schema::datasets()) made.insert(spec.path);
  CHECK(made.size() > 70);
  CHECK(documented() == made);
}

TEST_CASE("braces in headings stand for several datasets") {
  CHECK(expanded("/a/{b,c}/{d,e}") == std::vector<std::string>{"/a/b/d", "/a/b/e", "/a/c/d", "/a/c/e"});
  CHECK(expanded("/a") == std::vector<std::string>{"/a"});
}

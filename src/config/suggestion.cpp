#include "config/suggestion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "config/key.hpp"

namespace moescope {
namespace {

/// Levenshtein distance: insertions, deletions and substitutions of one character.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      auto const substituted = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

/// How far a name is from a known one; a word of it, such as "layers" for "num_layers", is near.
std::size_t distance_of_names(std::string_view given, std::string_view known) {
  bool const is_part = given.size() > 3 && known.find(given) != std::string_view::npos;
  return is_part ? 1 : edit_distance(given, known);
}

std::string_view section_of(std::string_view path) { return path.substr(0, path.find('.')); }
std::string_view name_of(std::string_view path) { return path.substr(path.find('.') + 1); }

std::vector<std::string> all_paths() {
  RunConfig config;
  std::vector<std::string> paths;
  for (auto const& key : keys_of(config)) paths.push_back(key.path);
  return paths;
}

std::vector<std::string> all_sections() {
  std::vector<std::string> sections;
  for (auto const& path : all_paths()) {
    if (sections.empty() || sections.back() != section_of(path)) sections.emplace_back(section_of(path));
  }
  return sections;
}

template <class Distance>
std::string suggest(std::string_view given, std::vector<std::string> const& known, Distance distance,
                    std::string const& otherwise) {
  auto const nearest =
      std::min_element(known.begin(), known.end(), [&](auto const& a, auto const& b) { return distance(a) < distance(b); });
  bool const is_near = distance(*nearest) <= std::max<std::size_t>(2, given.size() / 2);
  return is_near ? fmt::format("did you mean {}?", *nearest) : otherwise;
}

std::string known_sections() { return fmt::format("known sections are {}", fmt::join(all_sections(), ", ")); }

}  // namespace

std::string suggest_key(std::string_view path) {
  auto known = all_paths();
  for (auto const& other : known) {
    if (name_of(other) == name_of(path)) return fmt::format("did you mean {}?", other);
  }
  if (!is_section(section_of(path))) {
    auto const distance = [&](auto const& other) {
      return std::min(edit_distance(path, other), distance_of_names(name_of(path), name_of(other)));
    };
    return suggest(path, known, distance, known_sections());
  }
  std::erase_if(known, [&](auto const& other) { return section_of(other) != section_of(path); });
  return suggest(
      name_of(path), known, [&](auto const& other) { return distance_of_names(name_of(path), name_of(other)); },
      fmt::format("known are {}", fmt::join(known, ", ")));
}

std::string suggest_section(std::string_view section) {
  return suggest(
      section, all_sections(), [&](auto const& other) { return edit_distance(section, other); }, known_sections());
}

bool is_section(std::string_view section) {
  auto const sections = all_sections();
  return std::find(sections.begin(), sections.end(), section) != sections.end();
}

}  // namespace moescope

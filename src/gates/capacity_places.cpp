#include "gates/capacity_places.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"

namespace moescope::gates {

namespace {

constexpr double not_chosen = std::numeric_limits<double>::quiet_NaN();

}  // namespace

void ChoicePacking::add(std::vector<double>& rows, std::vector<KeyedChoice> const& of_token) const {
  auto const begin = rows.size();
  rows.resize(begin + std::size_t(width), not_chosen);
  MOESCOPE_CHECK(by_expert() || 2 * std::ssize(of_token) <= width);
  for (std::size_t i = 0; i < of_token.size(); ++i) {
    auto const& choice = of_token[i];
    if (by_expert()) {
      rows[begin + std::size_t(choice.expert)] = choice.key;
    } else {
      rows[begin + 2 * i] = choice.expert;
      rows[begin + 2 * i + 1] = choice.key;
    }
  }
}

std::vector<KeyedChoice> ChoicePacking::of_token(std::span<double const> row, std::int64_t token) const {
  std::vector<KeyedChoice> choices;
  for (std::int64_t i = 0; by_expert() && i < width; ++i)
    if (!std::isnan(row[i])) choices.push_back({int(i), row[i], token});
  for (std::int64_t i = 0; !by_expert() && i < width; i += 2)
    if (!std::isnan(row[i])) choices.push_back({int(row[i]), row[i + 1], token});
  return choices;
}

namespace {

std::vector<char> staying(ChoicePacking const& packing, std::span<double const> rows, std::int64_t capacity) {
  auto const tokens = std::int64_t(rows.size()) / packing.width;
  std::vector<KeyedChoice> all;
  for (std::int64_t t = 0; t < tokens; ++t) {
    auto const choices = packing.of_token(rows.subspan(std::size_t(t * packing.width), std::size_t(packing.width)), t);
    all.insert(all.end(), choices.begin(), choices.end());
  }
  std::sort(all.begin(), all.end());
  std::vector<char> stays(std::size_t(tokens * packing.num_experts));
  std::int64_t place = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    place = i > 0 && all[i].expert == all[i - 1].expert ? place + 1 : 0;
    stays[std::size_t(all[i].token * packing.num_experts + all[i].expert)] = place < capacity;
  }
  return stays;
}

std::vector<char> padding(std::vector<char> const& stays, std::int64_t num_experts, std::int64_t capacity) {
  std::vector<char> padded(stays.size());
  for (std::int64_t e = 0; e < num_experts; ++e) {
    auto left = capacity;
    for (auto at = e; at < std::ssize(stays); at += num_experts) left -= stays[std::size_t(at)];
    for (auto at = e; left > 0 && at < std::ssize(stays); at += num_experts) {
      padded[std::size_t(at)] = !stays[std::size_t(at)];
      left -= padded[std::size_t(at)];
    }
  }
  return padded;
}

}  // namespace

Places assign_places(ChoicePacking const& packing, std::span<double const> rows, std::int64_t capacity, bool pad) {
  Places places{staying(packing, rows, capacity), {}};
  if (pad) places.padded = padding(places.stays, packing.num_experts, capacity);
  return places;
}

}  // namespace moescope::gates

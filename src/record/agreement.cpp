#include "record/agreement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace moescope::record {
namespace {

using nlohmann::ordered_json;

double relative_difference(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  auto const relative = std::abs(a - b) / std::max(std::abs(a), std::abs(b));
  return std::isnan(relative) ? std::numeric_limits<double>::infinity() : relative;
}

struct Difference {
  double largest = 0;
  std::optional<std::size_t> first_row;
};

/// Over the first `rows` rows of a dataset of both runs.
Difference difference(StoredRun const& a, StoredRun const& b, std::string const& path, std::size_t rows) {
  auto const all_rows = a.file.extents(path).at(0);
  auto const left = a.file.read_numbers(path), right = b.file.read_numbers(path);
  auto const width = all_rows ? left.size() / all_rows : 0;
  Difference found;
  for (std::size_t i = 0; i < rows * width; ++i) {
    auto const relative = relative_difference(left[i], right.at(i));
    if (relative > 0 && !found.first_row) found.first_row = i / width;
    found.largest = std::max(found.largest, relative);
  }
  return found;
}

}  // namespace

std::size_t common_evaluations(StoredRun const& a, StoredRun const& b) {
  auto const left = a.file.read_integers("/raw/eval/at_step"), right = b.file.read_integers("/raw/eval/at_step");
  std::size_t count = 0;
  while (count < std::min(left.size(), right.size()) && left[count] >= 0 && left[count] == right[count]) ++count;
  return count;
}

ordered_json agreement(StoredRun const& a, StoredRun const& b) {
  auto const steps = std::min(a.steps_done, b.steps_done), evaluations = common_evaluations(a, b);
  auto const at_step = a.file.read_integers("/raw/eval/at_step");
  ordered_json result = {{"steps", steps}, {"evaluations", evaluations}};
  auto const compare = [&](std::string const& path) {
    bool const evaluated = path.starts_with("/raw/eval/");
    auto const found = difference(a, b, path, evaluated ? evaluations : steps);
    ordered_json first;
    if (found.first_row) first = evaluated ? ordered_json(at_step.at(*found.first_row)) : ordered_json(*found.first_row);
    return ordered_json{{"name", path}, {"equal", !found.first_row}, {"largest", found.largest}, {"first", first}};
  };
  for (auto const* path : {"/raw/expert_tokens_routed", "/raw/expert_tokens_processed", "/raw/eval/expert_tokens"})
    result["decisions"].push_back(compare(path));
  for (auto const* path :
       {"/raw/loss/total", "/raw/loss/cross_entropy", "/raw/loss/balance", "/raw/gradient_norm", "/raw/eval/loss"})
    result["values"].push_back(compare(path));
  return result;
}

}  // namespace moescope::record

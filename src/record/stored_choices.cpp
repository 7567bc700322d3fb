#include "record/stored_choices.hpp"

#include <algorithm>

namespace moescope::record {
namespace {

constexpr char const *choices_path = "/raw/choices", *counts_path = "/raw/expert_tokens_routed";

/// Appends the choices of one token, which end with the first -1, and counts them; false where they are no distinct experts.
bool append_token(std::span<double const> places, std::span<double> counts, RecordedChoices& choices) {
  auto const begin = choices.expert.end() - choices.expert.begin();
  for (double const place : places) {
    if (place == -1) break;
    if (place < 0 || place >= double(counts.size())) return false;
    auto const expert = int(place);
    if (std::find(choices.expert.begin() + begin, choices.expert.end(), expert) != choices.expert.end()) return false;
    choices.expert.push_back(expert);
    ++counts[std::size_t(expert)];
  }
  choices.offsets.push_back(std::int64_t(choices.expert.size()));
  return true;
}

/// Row of /raw/choices; nothing where the step has none.
std::optional<std::size_t> detail_row(StoredRun const& run, std::int64_t step) {
  if (!has_choices(run) || step < 0 || std::size_t(step) >= run.steps_done) return std::nullopt;
  auto const steps = run.file.read_integers("/detail_step");
  auto const found = std::find(steps.begin(), steps.end(), step);
  return found == steps.end() ? std::nullopt : std::optional(std::size_t(found - steps.begin()));
}

}  // namespace

bool has_choices(StoredRun const& run) { return run.file.has(choices_path) && run.file.extents(choices_path).at(2) > 0; }

std::optional<RecordedChoices> choices_of_step(StoredRun const& run, std::int64_t step) {
  auto const row = detail_row(run, step);
  if (!row) return std::nullopt;
  auto const there = run.file.extents(choices_path);
  auto const width = std::size_t(there.at(3)), experts = std::size_t(run.file.extents(counts_path).at(2));
  auto const places = run.file.read_rows(choices_path, *row, 1);
  RecordedChoices choices{1, std::int64_t(there.at(1)), std::int64_t(there.at(2)), {0}, {}};
  std::vector<double> counts(std::size_t(there.at(1)) * experts);
  for (std::size_t token = 0; token * width < places.size(); ++token) {
    auto const of_router = std::span(counts).subspan(token / std::size_t(there.at(2)) * experts, experts);
    if (!append_token(std::span(places).subspan(token * width, width), of_router, choices)) return std::nullopt;
  }
  return counts == run.file.read_rows(counts_path, std::size_t(step), 1) ? std::optional(std::move(choices)) : std::nullopt;
}

std::vector<std::int64_t> steps_with_choices(StoredRun const& run) {
  auto steps = run.file.read_integers("/detail_step");
  std::erase_if(steps, [&](std::int64_t step) { return !choices_of_step(run, step); });
  return steps;
}

}  // namespace moescope::record

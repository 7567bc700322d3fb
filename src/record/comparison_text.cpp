#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "record/compare.hpp"

namespace moescope {
namespace {

using nlohmann::ordered_json;

std::string number(ordered_json const& value, char const* format = "{:.6g}") {
  if (!value.is_number()) return value.is_null() ? "-" : value.dump();
  auto const real = value.get<double>();
  if (!std::isfinite(real)) return "-";
  bool const count = real == std::floor(real) && std::abs(real) < 1e15;
  return count ? fmt::format("{:.0f}", real) : fmt::format(fmt::runtime(format), real);
}

std::string word(ordered_json const& value) {
  if (value.is_null()) return "(none)";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string file_line(char const* side, ordered_json const& file) {
  auto const reason = word(file["status_reason"]);
  return fmt::format("{:<14}{}: {}{}, {} of {} steps, made {}\n", side, word(file["path"]), word(file["status"]),
                     reason.empty() ? "" : " (" + reason + ")", file["steps_done"].dump(), file["steps"].dump(),
                     word(file["created"]));
}

std::string keys(ordered_json const& comparison) {
  std::string text =
      fmt::format("{:<14}{}\n", "computation",
                  comparison["same_computation"] ? "the same (computation_key agrees): decisions and losses should agree"
                                                 : "different (computation_keys differ): results are compared as numbers only");
  return text + fmt::format("{:<14}{}\n", "cell",
                            comparison["same_cell"] ? "the same (cell_key agrees): two launches of one experiment"
                                                    : "different (cell_keys differ)");
}

std::string differences(char const* title, ordered_json const& rows) {
  if (rows.empty()) return fmt::format("\n{}: no difference\n", title);
  std::size_t name = 0, left = 0;
  for (auto const& row : rows) {
    name = std::max(name, word(row["name"]).size());
    left = std::max(left, std::min<std::size_t>(40, word(row["a"]).size()));
  }
  auto text = fmt::format("\n{:<{}}  {:<{}}  {}\n", title, name + 2, "A", left, "B");
  for (auto const& row : rows)
    text += fmt::format("  {:<{}}  {:<{}}  {}\n", word(row["name"]), name, word(row["a"]), left, word(row["b"]));
  return text;
}

std::string agreement(ordered_json const& found) {
  auto text = fmt::format("\nagreement over {} steps and {} evaluations\n", found["steps"].dump(), found["evaluations"].dump());
  auto const place = [](ordered_json const& entry) {
    bool const evaluated = word(entry["name"]).starts_with("/raw/eval/");
    return fmt::format("{} {}{}", evaluated ? "evaluation after" : "step", entry["first"].dump(), evaluated ? " steps" : "");
  };
  for (auto const& entry : found["decisions"])
    text += fmt::format("  {:<32}{}\n", word(entry["name"]),
                        entry["equal"] ? "equal" : fmt::format("DIFFERENT, first in {}", place(entry)));
  for (auto const& entry : found["values"])
    text += fmt::format("  {:<32}{}\n", word(entry["name"]),
                        entry["equal"] ? "equal to the last bit"
                                       : fmt::format("relative difference at most {:.2g}, first in {}",
                                                     entry["largest"].get<double>(), place(entry)));
  return text;
}

std::string with_units(ordered_json const& row) {
  return word(row["name"]) + (row["units"] == "1" ? "" : " (" + word(row["units"]) + ")");
}

std::string table_head(char const* title) {
  return fmt::format("\n{:<46}{:>16}{:>16}{:>16}{:>12}\n", title, "A", "B", "B - A", "B / A");
}

std::string table_row(std::string const& name, ordered_json const& row) {
  return fmt::format("  {:<44}{:>16}{:>16}{:>16}{:>12}\n", name, number(row["a"]), number(row["b"]),
                     number(row["difference"], "{:.3g}"), number(row["ratio"], "{:.4g}"));
}

std::string results(ordered_json const& rows) {
  auto text = table_head("results");
  for (auto const& row : rows)
    if (row["units"] != "B") text += table_row(with_units(row), row);
  return text;
}

/// Exchanges that sent the same in both runs stand in one line.
std::string bytes(ordered_json const& rows) {
  auto text = table_head("bytes");
  double equal = 0;
  std::size_t exchanges = 0;
  for (auto const& row : rows) {
    if (row["units"] != "B") continue;
    bool const same = row["exchange"] && row["a"] == row["b"];
    if (same) equal += row["a"].get<double>(), ++exchanges;
    if (!same) text += table_row(with_units(row), row);
  }
  if (exchanges == 0) return text;
  auto const name = fmt::format("{} exchange{} with equal payload (B)", exchanges, exchanges == 1 ? "" : "s");
  return text + table_row(name, {{"a", equal}, {"b", equal}, {"difference", 0}, {"ratio", 1}});
}

std::string times(ordered_json const& found) {
  if (found.contains("none")) return fmt::format("\ntimes: none to quote, for {}\n", word(found["none"]));
  std::string text =
      "\ntimes: one launch each, so no difference may be claimed; compare at least six launches of each, alternating\n";
  for (auto const& row : found["values"])
    text += fmt::format("  {:<44}{:>16}{:>16}\n", with_units(row), number(row["a"]), number(row["b"]));
  return text;
}

}  // namespace

std::string comparison_text(ordered_json const& comparison) {
  auto text = file_line("A", comparison["a"]) + file_line("B", comparison["b"]) + keys(comparison);
  text += differences("configuration", comparison["configuration"]) + differences("provenance", comparison["provenance"]);
  if (comparison.contains("agreement")) text += agreement(comparison["agreement"]);
  return text + results(comparison["results"]) + times(comparison["times"]) + bytes(comparison["results"]);
}

}  // namespace moescope

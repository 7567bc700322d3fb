#include "record/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "record/agreement.hpp"
#include "record/schema.hpp"
#include "record/stored_run.hpp"

namespace moescope {
namespace {

using nlohmann::ordered_json;
using record::StoredRun;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

ordered_json describe(StoredRun const& run) {
  return {{"path", run.file.path()},
          {"status", run.file.read_attribute("/", "status")},
          {"status_reason", run.file.read_attribute("/", "status_reason")},
          {"created", run.file.read_attribute("/", "created")},
          {"steps_done", run.steps_done},
          {"steps", run.file.extents("/step").at(0)},
          {"computation_key", run.file.read_attribute("/config", "computation_key")},
          {"cell_key", run.file.read_attribute("/config", "cell_key")}};
}

/// Every name that either side has, with both values, where these differ; null where one lacks it.
ordered_json differing(std::map<std::string, nlohmann::json> const& a, std::map<std::string, nlohmann::json> const& b) {
  std::set<std::string> names;
  for (auto const* side : {&a, &b})
    for (auto const& [name, value] : *side) names.insert(name);
  auto const get = [](auto const& side, std::string const& name) {
    auto const found = side.find(name);
    return found == side.end() ? nlohmann::json() : found->second;
  };
  auto result = ordered_json::array();
  for (auto const& name : names) {
    auto const left = get(a, name), right = get(b, name);
    if (left != right) result.push_back({{"name", name}, {"a", left}, {"b", right}});
  }
  return result;
}

/// section.key -> value; lists stay whole.
std::map<std::string, nlohmann::json> settings(StoredRun const& run) {
  std::map<std::string, nlohmann::json> found;
  auto const collect = [&](auto const& self, nlohmann::json const& values, std::string const& prefix) -> void {
    for (auto const& [key, value] : values.items()) {
      if (value.is_object())
        self(self, value, prefix + key + ".");
      else
        found[prefix + key] = value;
    }
  };
  collect(collect, run.configuration(), "");
  return found;
}

/// What may change a result, but nothing that every launch has anew.
std::map<std::string, nlohmann::json> provenance(StoredRun const& run) {
  std::set<std::string> const matters = {
      "commit", "dirty", "compiler",  "build_type",       "flags",   "kokkos",         "mpi",
      "blas",   "hdf5",  "processor", "threads_per_rank", "binding", "oversubscribed", "data_fingerprint"};
  std::map<std::string, nlohmann::json> found;
  for (auto const& name : run.file.attribute_names("/provenance"))
    if (matters.contains(name) || (name.starts_with("env.") && name != "env.SLURM_JOB_ID"))
      found[name] = run.text("/provenance", name);
  found["hosts"] = run.file.read_text("/node");
  return found;
}

struct Row {
  std::string name, units;
  double a, b;
  bool exchange = false;
};

ordered_json to_json(std::vector<Row> const& rows) {
  auto result = ordered_json::array();
  for (auto const& row : rows)
    result.push_back({{"name", row.name},
                      {"units", row.units},
                      {"exchange", row.exchange},
                      {"a", row.a},
                      {"b", row.b},
                      {"difference", row.b - row.a},
                      {"ratio", row.b / row.a}});
  return result;
}

double headline(StoredRun const& run, std::string const& name) {
  auto const path = "/derived/summary/" + name;
  return run.file.has(path) ? run.file.read_numbers(path).at(0) : nan;
}

void append_losses(std::vector<Row>& rows, StoredRun const& a, StoredRun const& b) {
  if (auto const steps = std::min(a.steps_done, b.steps_done); steps > 0) {
    auto const loss = [&](StoredRun const& run) { return run.file.read_numbers("/raw/loss/cross_entropy").at(steps - 1); };
    rows.push_back({fmt::format("cross-entropy in step {}", steps - 1), "nat", loss(a), loss(b)});
  }
  auto const evaluations = record::common_evaluations(a, b);
  if (evaluations == 0) return;
  auto const after = a.file.read_integers("/raw/eval/at_step").at(evaluations - 1);
  auto const domains_b = b.file.read_text("/domain"), domains_a = a.file.read_text("/domain");
  auto const loss_a = a.file.read_numbers("/raw/eval/loss"), loss_b = b.file.read_numbers("/raw/eval/loss");
  for (std::size_t d = 0; d < domains_a.size(); ++d) {
    auto const other = std::size_t(std::find(domains_b.begin(), domains_b.end(), domains_a[d]) - domains_b.begin());
    if (other < domains_b.size())
      rows.push_back({fmt::format("held-out {} after {} steps", domains_a[d], after), "nat",
                      loss_a.at((evaluations - 1) * domains_a.size() + d),
                      loss_b.at((evaluations - 1) * domains_b.size() + other)});
  }
}

/// Payload summed over steps and ranks, by exchange.
std::map<std::string, std::int64_t> payload(StoredRun const& run) {
  auto const names = run.file.read_text("/collective");
  auto const bytes = run.file.read_integers("/raw/collective_payload_bytes");
  auto const ranks = run.file.extents("/rank").at(0);
  std::map<std::string, std::int64_t> sums;
  for (std::size_t i = 0; i < run.steps_done * ranks * names.size(); ++i) sums[names[i % names.size()]] += bytes[i];
  return sums;
}

void append_bytes(std::vector<Row>& rows, StoredRun const& a, StoredRun const& b) {
  auto payload_a = payload(a), payload_b = payload(b);
  for (auto const& [name, bytes] : payload_a) payload_b.try_emplace(name, 0);
  for (auto const& [name, bytes] : payload_b) payload_a.try_emplace(name, 0);
  auto const total = [](auto const& bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), std::int64_t{0},
                           [](std::int64_t sum, auto const& entry) { return sum + entry.second; });
  };
  auto const of_a_step = [](StoredRun const& run, std::int64_t bytes) { return double(bytes) / double(run.steps_done); };
  rows.push_back({"payload of a step", "B", of_a_step(a, total(payload_a)), of_a_step(b, total(payload_b))});
  for (auto const& [name, bytes] : payload_a)
    rows.push_back({name, "B", of_a_step(a, bytes), of_a_step(b, payload_b.at(name)), true});
}

ordered_json results(StoredRun const& a, StoredRun const& b) {
  std::vector<Row> rows;
  append_losses(rows, a, b);
  for (auto const* level : schema::imbalance_levels) {
    auto const name = fmt::format("imbalance_{}", level);
    rows.push_back({fmt::format("{} max / mean", level), "1", headline(a, name), headline(b, name)});
  }
  rows.push_back({"dropped_fraction", "1", headline(a, "dropped_fraction"), headline(b, "dropped_fraction")});
  auto const memory = [](StoredRun const& run) {
    auto const bytes = run.file.read_integers("/raw/memory_bytes");
    auto const most = bytes.empty() ? -1 : *std::max_element(bytes.begin(), bytes.end());
    return most < 0 ? nan : double(most);
  };
  rows.push_back({"memory of the largest rank", "B", memory(a), memory(b)});
  append_bytes(rows, a, b);
  return to_json(rows);
}

/// Why the file holds no time that could be quoted; empty where it does.
std::string no_times(StoredRun const& run, char const* name) {
  if (run.file.read_attribute("/", "oversubscribed") != "0") return fmt::format("{} had more threads than cores", name);
  if (run.file.read_attribute("/", "timing") != "free") return fmt::format("{} is a phased run", name);
  if (std::isnan(headline(run, "step_seconds"))) return fmt::format("{} has no summary", name);
  return "";
}

ordered_json times(StoredRun const& a, StoredRun const& b) {
  for (auto const& reason : {no_times(a, "A"), no_times(b, "B")})
    if (!reason.empty()) return {{"none", reason}};
  auto rows = ordered_json::array();
  for (auto const& [name, units] : {std::pair("step_seconds", "s"),
                                    {"tokens_per_second", "token s-1"},
                                    {"mfu_stated_megatron_causal", "1"},
                                    {"mfu_measured_megatron_causal", "1"}})
    rows.push_back({{"name", name}, {"units", units}, {"a", headline(a, name)}, {"b", headline(b, name)}});
  return {{"values", rows}};
}

}  // namespace

ordered_json compare(std::string const& path_a, std::string const& path_b) {
  auto const a = record::open_run(path_a), b = record::open_run(path_b);
  ordered_json comparison = {{"a", describe(a)}, {"b", describe(b)}};
  auto const same = [&](char const* key) { return comparison["a"][key] == comparison["b"][key]; };
  comparison["same_computation"] = same("computation_key");
  comparison["same_cell"] = same("cell_key");
  comparison["configuration"] = differing(settings(a), settings(b));
  comparison["provenance"] = differing(provenance(a), provenance(b));
  if (comparison["same_computation"]) comparison["agreement"] = record::agreement(a, b);
  comparison["results"] = results(a, b);
  comparison["times"] = times(a, b);
  return comparison;
}

}  // namespace moescope

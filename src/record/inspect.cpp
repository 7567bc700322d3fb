#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "record/hdf5/file.hpp"
#include "record/last_written.hpp"
#include "record/run_file.hpp"
#include "record/schema.hpp"
#include "record/stored_run.hpp"

namespace moescope {
namespace {

using hdf5::File;

/// What every section reads.
struct Account {
  record::StoredRun const& run;
  File const& file = run.file;
  std::size_t steps_done = run.steps_done;
  std::string text = {};

  template <class... Values>
  void line(char const* name, fmt::format_string<Values...> format, Values&&... values) {
    text += fmt::format("{:<12}{}\n", name, fmt::format(format, std::forward<Values>(values)...));
  }
};

/// Elements of one row of a dataset.
template <class Value>
std::vector<Value> row(std::vector<Value> const& values, std::size_t rows, std::size_t index) {
  auto const length = rows ? values.size() / rows : 0;
  return {values.begin() + std::ptrdiff_t(index * length), values.begin() + std::ptrdiff_t((index + 1) * length)};
}

double mean(std::vector<double> const& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

void open_with_status(Account& account, std::string const& path) {
  auto const& file = account.file;
  auto const status = file.read_attribute("/", "status"), reason = file.read_attribute("/", "status_reason");
  account.text += fmt::format("{}\n", path);
  account.line("status", "{}{}{}", status, reason.empty() ? "" : ": ", reason);
  if (status == "running" || status == "failed" || status == "stopped")
    account.line("", "this file is partial: what follows is what the run has written{}", status == "running" ? " so far" : "");
  if (status == "running") account.line("written", "{}", record::last_written(path));
  account.line("made", "{} by moescope {}, schema {}", file.read_attribute("/", "created"),
               file.read_attribute("/", "program_version"), file.read_attribute("/", "schema_version"));
  auto const warm_up = file.read_integers("/raw/warm_up");
  if (file.has_attribute("/", "attempt") && file.read_attribute("/", "attempt") != "0") {
    auto const attempts = file.read_integers("/raw/attempt");
    auto const own = std::stoll(file.read_attribute("/", "attempt"));
    account.line("resumed", "after {}, attempt {}, from step {} on", file.read_attribute("/", "parent"), own,
                 std::find(attempts.begin(), attempts.begin() + std::ptrdiff_t(account.steps_done), own) - attempts.begin());
  }
  account.line("steps", "{} of {} done, {} of them warm-up", account.steps_done,
               account.run.configuration().value("/train/steps"_json_pointer, std::int64_t(file.extents("/step").at(0))),
               std::count(warm_up.begin(), warm_up.begin() + std::ptrdiff_t(account.steps_done), 1));
}

std::string setting(nlohmann::json const& config, std::string const& path) {
  nlohmann::json::json_pointer const pointer(path);
  if (!config.contains(pointer)) return "?";
  auto const& value = config[pointer];
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// Experts that a token chose in a router, of the last step; empty before the first. What `top_k` asks for is not always done.
std::string choices(Account const& account) {
  if (account.steps_done == 0) return "";
  auto const steps = account.file.extents("/step").at(0), last = hsize_t(account.steps_done - 1);
  auto const counts = row(account.file.read_numbers("/raw/expert_tokens_routed"), steps, last);
  auto const decisions = account.file.read_numbers("/raw/tokens").at(last) * double(account.file.extents("/router").at(0));
  auto const each = std::accumulate(counts.begin(), counts.end(), 0.0) / decisions;
  return fmt::format(" ({:.3g} chosen by a token)", each);
}

void configuration(Account& account) {
  auto const config = account.run.configuration();
  auto const get = [&](char const* path) { return setting(config, path); };
  account.line("model", "{} layers, hidden {}, {} experts{}, gate {}", get("/model/num_layers"), get("/model/hidden_size"),
               get("/model/num_experts"), choices(account), get("/gate/kind"));
  account.line("batch", "{} sequences of {} tokens in {} micro-steps", get("/batch/sequences"), get("/batch/sequence_length"),
               get("/batch/micro_steps"));
  account.line("mode", "{}, {} timing, {}, dispatcher {}", get("/train/mode"), get("/train/timing"), get("/train/dtype"),
               get("/train/dispatcher"));
  if (account.file.has_attribute("/", "routing")) account.line("routing", "{}", account.file.read_attribute("/", "routing"));
  account.line("layout", "{} on {} node(s)", account.file.read_attribute("/provenance", "layout"),
               account.file.extents("/node").at(0));
}

void losses(Account& account) {
  auto const loss = account.file.read_numbers("/raw/loss/cross_entropy");
  if (account.steps_done > 0)
    account.line("loss", "{:.4f} -> {:.4f} nat (first and last step)", loss[0], loss[account.steps_done - 1]);
}

void evaluations(Account& account) {
  auto const at_step = account.file.read_integers("/raw/eval/at_step");
  auto const loss = account.file.read_numbers("/raw/eval/loss");
  auto const domains = account.file.read_text("/domain");
  for (std::size_t v = 0; v < at_step.size(); ++v) {
    if (at_step[v] < 0) continue;
    std::string values;
    for (std::size_t d = 0; d < domains.size(); ++d)
      values += fmt::format("  {} {:.4f}", domains[d], loss[v * domains.size() + d]);
    account.line("held out", "after {} steps:{} nat", at_step[v], values);
  }
}

void imbalance(Account& account) {
  if (account.steps_done == 0) return;
  auto const steps = account.file.extents("/step").at(0), last = hsize_t(account.steps_done - 1);
  std::string values;
  for (auto const* level : schema::imbalance_levels) {
    auto const all =
        account.file.read_numbers(record::name_in(account.file, fmt::format("/derived/imbalance/{}s/max_over_mean", level)));
    values += fmt::format("{}{}s {:.3f}", values.empty() ? "" : ", ", level, mean(row(all, steps, last)));
  }
  account.line("imbalance", "max/mean, last step, mean over routers: {}", values);
  auto const dropped = row(account.file.read_numbers("/derived/dropped_fraction"), steps, last);
  account.line("dropped", "{:.2f} % of the choices, last step, mean over routers", 100 * mean(dropped));
}

/// A headline number of the free window, or that there is none.
std::string estimate(File const& file, std::string const& name, int precision, char const* unit) {
  auto const values = file.read_numbers("/derived/summary/" + name);
  if (std::isnan(values.at(0))) return "no figure";
  return fmt::format("{:.{}f}{} (median {:.{}f}, within-run 95 % {:.{}f} to {:.{}f}, n = {:.0f})", values[0], precision, unit,
                     values[1], precision, values[2], precision, values[3], precision, values[4]);
}

void times(Account& account) {
  auto const& file = account.file;
  if (file.has_attribute("/derived", "times")) account.line("times", "{}", file.read_attribute("/derived", "times"));
  account.line("step", "{}", estimate(file, "step_seconds", 6, " s"));
  account.line("throughput", "{}", estimate(file, "tokens_per_second", 1, " tokens/s"));
  for (auto const* denominator : schema::peak_denominators)
    account.line("MFU", "{} peak, Megatron causal: {}", denominator,
                 estimate(file, fmt::format("mfu_{}_megatron_causal", denominator), 4, ""));
}

/// Where the run told it.
void energy(Account& account) {
  auto const& file = account.file;
  if (!file.has("/derived/summary/joules_per_token")) return;
  auto const per_token = file.read_numbers("/derived/summary/joules_per_token").at(0);
  if (std::isnan(per_token)) return;
  account.line("energy", "{:.4g} J a token, {:.4g} J a step: all that {} sensor(s) counted, other processes too", per_token,
               file.read_numbers("/derived/summary/joules").at(0), file.extents("/energy_sensor").at(0));
}

/// Sum over done steps and ranks, by collective.
std::vector<std::int64_t> totals(Account const& account, std::string const& path) {
  auto const values = account.file.read_integers(path);
  auto const shape = account.file.extents(path);
  std::vector<std::int64_t> sums(shape.at(2), 0);
  for (std::size_t i = 0; i < account.steps_done * shape[1] * shape[2]; ++i) sums[i % sums.size()] += values[i];
  return sums;
}

void exchanges(Account& account) {
  auto const names = account.file.read_text("/collective");
  auto const counted = totals(account, "/raw/collective_payload_bytes"), computed = totals(account, "/computed/payload_bytes");
  if (!names.empty()) account.line("bytes", "payload of all steps and ranks");
  for (std::size_t c = 0; c < names.size(); ++c)
    account.line("", "{:<40}{:>18} counted, {}", names[c], counted[c],
                 counted[c] == computed[c] ? "as computed" : fmt::format("{} computed: DIFFERENT", computed[c]));
  if (names.empty()) account.line("bytes", "one rank, no exchange");
}

void differences(Account& account) {
  constexpr std::pair<char const*, char const*> pairs[] = {
      {"/raw/collective_payload_bytes", "/computed/payload_bytes"},
      {"/raw/collective_messages", "/computed/messages"},
      {"/raw/collective_calls", "/computed/calls"},
      {"/raw/rank_rows", "/computed/rank_rows"},
      {"/raw/rank_rows_worst_micro_batch", "/computed/rank_rows_worst_micro_batch"}};
  std::string found;
  for (auto const& [raw, computed] : pairs) {
    auto const steps = account.file.extents("/step").at(0);
    auto const left = account.file.read_integers(raw), right = account.file.read_integers(computed);
    auto const count = left.size() / std::max<std::size_t>(steps, 1) * account.steps_done;
    std::size_t differ = 0;
    for (std::size_t i = 0; i < count; ++i) differ += left[i] != right.at(i);
    if (differ > 0) found += fmt::format("{}{} of {} entries of {}", found.empty() ? "" : ", ", differ, count, raw);
  }
  account.line("mismatches", "{}",
               found.empty() ? "none: exchanges and rows are as computed from configuration and counts" : found);
}

void origin(Account& account) {
  auto const get = [&](char const* name) {
    return account.file.has_attribute("/provenance", name) ? account.file.read_attribute("/provenance", name) : "unknown";
  };
  account.line("built from", "{}{}, {}, {}", get("commit"), get("dirty") == "true" ? " with uncommitted changes" : "",
               get("compiler"), get("build_type"));
  account.line("machine", "{}, {}", get("host"), get("processor"));
}

}  // namespace

std::string inspect(std::string const& path) {
  auto const run = record::open_run(path);
  Account account{run};
  open_with_status(account, path);
  for (auto const section : {configuration, losses, evaluations, imbalance, times, energy, exchanges, differences, origin})
    section(account);
  return account.text;
}

}  // namespace moescope

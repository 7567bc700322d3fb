#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "config/forced_workloads.hpp"
#include "record/continuation.hpp"
#include "record/create.hpp"
#include "record/schema.hpp"

namespace moescope::record {
namespace {

constexpr std::size_t status_capacity = 16, reason_capacity = 1024;
constexpr std::size_t longest_attribute = std::size_t{60} * 1024;  ///< the format's limit for an attribute is 64 KiB

/// Text that can be of any length: an attribute of the group, or a scalar text dataset in it.
void write_text(hdf5::File& file, std::string const& group, std::string const& name, std::string const& text) {
  if (text.size() <= longest_attribute) return file.write_attribute(group, name, text);
  auto const path = group + "/" + name;
  file.create_dataset(path, hdf5::Type::text, {}, text.size()).write(std::vector<std::string>{text});
  file.write_attribute(path, "units", "1");
  file.write_attribute(path, "long_name", "text longer than an attribute holds");
}

void describe_root(hdf5::File& file, RunFileSetup const& setup, Lineage const& lineage) {
  file.write_attribute("/", "schema_version", schema::version);
  file.write_attribute("/", "status", "running", status_capacity);
  file.write_attribute("/", "status_reason", "", reason_capacity);
  file.write_attribute("/", "created", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))));
  file.write_attribute("/", "program", "moescope");
  file.write_attribute("/", "program_version", MOESCOPE_VERSION);
  file.write_attribute("/", "launch", setup.launch);
  file.write_attribute("/", "attempt", lineage.attempt);
  file.write_attribute("/", "parent", lineage.parent);
  file.write_attribute("/", "ancestors", lineage.ancestors);
  file.write_attribute("/", "timing", setup.config.train.timing);
  file.write_attribute("/", "routing", routing_label(setup.config));
  file.write_attribute("/", "oversubscribed", std::int64_t(setup.oversubscribed));
}

void describe_config(hdf5::File& file, RunFileSetup const& setup) {
  file.create_group("/config");
  write_text(file, "/config", "toml", setup.config.toml);
  write_text(file, "/config", "resolved", to_json(setup.config));
  file.write_attribute("/config", "computation_key", setup.computation_key);
  file.write_attribute("/config", "cell_key", setup.cell_key);
}

void describe_provenance(hdf5::File& file, RunFileSetup const& setup) {
  auto provenance = setup.provenance;
  provenance.emplace_back("oversubscribed", setup.oversubscribed ? "true" : "false");
  provenance.emplace_back("layout", setup.layout.describe());
  provenance.emplace_back("measured_peak_flops", fmt::format("{}", setup.measured_peak_flops));
  provenance.emplace_back("stated_peak_flops_per_rank", fmt::format("{}", setup.config.machine.stated_peak_flops));
  for (auto const& [name, value] : provenance)
    if (!file.has_attribute("/provenance", name)) write_text(file, "/provenance", name, value);
}

void describe_numbers(hdf5::File& file, RunFileSetup const& setup) {
  for (auto const* path : {"/raw/gate_importance", "/raw/gate_load", "/raw/gate_cv2", "/raw/loss/balance"}) {
    file.write_attribute(path, "pool", setup.config.model.gate.pool);
    file.write_attribute(path, "gate", setup.config.model.gate.kind);
  }
  if (!setup.energy.absent.empty()) file.write_attribute("/raw/energy_joules", "absent", setup.energy.absent);
  if (setup.config.train.timing == "free") {
    for (auto const* path : {"/raw/collective_wait_seconds", "/raw/collective_transfer_seconds"})
      file.write_attribute(path, "clock_error", fmt::format("{:.3g}", setup.clock_error));
  }
  if (setup.oversubscribed)
    file.write_attribute("/derived", "times",
                         "more threads than cores: tokens_per_second, tgs, joules, mfu, bandwidth and their summaries are NaN");
  else if (setup.config.train.timing == "phased")
    file.write_attribute(
        "/derived", "times",
        "phased run with fences and barriers in each step: tokens_per_second, tgs, joules, mfu and the summaries of times are "
        "NaN; free runs have them");
}

}  // namespace

void describe_run(hdf5::File& file, RunFileSetup const& setup, Lineage const& lineage) {
  describe_root(file, setup, lineage);
  describe_config(file, setup);
  describe_provenance(file, setup);
  describe_numbers(file, setup);
}

void write_status(hdf5::File& file, std::string const& status, std::string const& reason) {
  file.write_attribute("/", "status", status);
  file.write_attribute("/", "status_reason", reason);
}

}  // namespace moescope::record

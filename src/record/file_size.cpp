#include "record/file_size.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "record/scales.hpp"
#include "record/schema.hpp"

namespace moescope::record {
namespace {

constexpr std::int64_t text_and_structure = std::int64_t{1} << 20;
constexpr double gibibyte = 1024.0 * 1024.0 * 1024.0;

/// Bytes of what is there once, of one step, and of one detail step.
struct Parts {
  std::int64_t once = text_and_structure, step = 0, detail = 0;
};

std::int64_t element_bytes(hdf5::Type type, Scale const* scale) {
  if (type == hdf5::Type::text) return scale ? std::int64_t(longest_name(*scale)) : 64;
  return type == hdf5::Type::i32 || type == hdf5::Type::u32 ? 4 : type == hdf5::Type::i8 ? 1 : 8;
}

Parts parts_of(RunFileSetup const& setup) {
  auto const one_step = scales(setup, 1);
  Parts parts;
  for (auto const& spec : schema::datasets()) {
    auto bytes = element_bytes(spec.type, spec.is_scale() ? &one_step.at(spec.dims[0]) : nullptr);
    for (auto const& dim : spec.dims) bytes *= std::int64_t(one_step.at(dim).size());
    bool const of_steps = !spec.dims.empty() && spec.dims[0] == "step";
    bool const of_details = !spec.dims.empty() && spec.dims[0] == "detail_step";
    (of_steps ? parts.step : of_details ? parts.detail : parts.once) += bytes;
  }
  return parts;
}

std::int64_t rounded_up(std::int64_t number, std::int64_t divisor) { return (number + divisor - 1) / divisor; }

std::int64_t chosen_detail_every(Parts const& parts, std::int64_t steps, std::int64_t bound) {
  auto const left = bound - parts.once - steps * parts.step;
  auto const details = left / std::max<std::int64_t>(parts.detail, 1);
  return details < 1 ? steps : rounded_up(steps, std::min(details, steps));
}

/// A quarter of the bound, details in proportion.
std::int64_t steps_at_once(Parts const& parts, std::int64_t detail_every, std::int64_t bound) {
  return std::max<std::int64_t>(1, bound / 4 * detail_every / (detail_every * parts.step + parts.detail));
}

}  // namespace

FileSize file_size(RunFileSetup const& setup) {
  auto const parts = parts_of(setup);
  auto const steps = setup.config.train.steps, given = setup.config.record.detail_every;
  FileSize size;
  size.detail_every = given > 0 ? given : chosen_detail_every(parts, steps, setup.file_bound);
  size.bytes = parts.once + steps * parts.step + rounded_up(steps, size.detail_every) * parts.detail;
  size.steps_at_once =
      size.bytes <= setup.file_bound ? steps : std::min(steps, steps_at_once(parts, size.detail_every, setup.file_bound));
  return size;
}

std::string size_notice(RunFileSetup const& setup) {
  auto const size = file_size(setup);
  if (size.bytes <= setup.file_bound) return {};
  auto chosen = setup;
  chosen.config.record.detail_every = 0;
  bool const details_are_the_cause = file_size(chosen).bytes <= setup.file_bound;
  return fmt::format(
      "the run file grows to {:.1f} GiB: {}", double(size.bytes) / gibibyte,
      details_are_the_cause
          ? fmt::format("record.detail_every = {} stores details so often; left out, it stays below 1 GiB", size.detail_every)
          : fmt::format("it holds {} steps; fewer train.steps would make it smaller", setup.config.train.steps));
}

}  // namespace moescope::record

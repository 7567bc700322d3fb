#include "record/follow.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/error.hpp"
#include "files/lock.hpp"
#include "record/output_path.hpp"
#include "record/stored_run.hpp"

namespace moescope {
namespace {

using record::StoredRun;

constexpr int most_failures = 240;  // while it is being made, grows or gets its final name

/// The largest of each of `rows` rows; NaN counts as nothing.
std::vector<double> largest(std::vector<double> const& values, std::size_t rows) {
  std::vector<double> result(rows, 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto& of_row = result[i / (values.size() / rows)];
    of_row = std::max(of_row, values[i]);
  }
  return result;
}

/// Of the steps [first, run.steps_done).
std::string lines(StoredRun const& run, std::size_t first) {
  auto const count = run.steps_done - first;
  if (count == 0) return "";
  auto const numbers = [&](std::string const& path) { return run.file.read_rows(record::name_in(run.file, path), first, count); };
  auto const loss = numbers("/raw/loss/cross_entropy"), norm = numbers("/raw/gradient_norm"),
             rate = numbers("/raw/learning_rate");
  auto const seconds = largest(numbers("/raw/step_seconds"), count);
  auto const imbalance = largest(numbers("/derived/imbalance/experts/max_over_mean"), count);
  auto const steps = run.configuration().value("/train/steps"_json_pointer, std::int64_t(run.file.extents("/step").at(0)));
  std::string text;
  for (std::size_t i = 0; i < count; ++i)
    text += fmt::format("step {}/{}  loss {:.4f}  gradient norm {:.4g}  learning rate {:.4g}  {:.4g} s  imbalance {:.2f}\n",
                        first + i + 1, steps, loss[i], norm[i], rate[i], seconds[i], imbalance[i]);
  return text;
}

std::string last_line(std::string const& path, std::string const& status, std::string const& reason) {
  if (status == "running") return fmt::format("{}: nobody writes it any more: its run was killed\n", path);
  return fmt::format("{}: {}{}{}\n", path, status, reason.empty() ? "" : ": ", reason);
}

}  // namespace

FollowedRun::FollowedRun(std::string const& path) : path_(path) {}

/// By its partial name first where that was given: a run that replaces a file has both.
std::string FollowedRun::newest_path() const {
  auto const final_path = record::final_path(path_);
  auto const other = final_path == path_ ? record::partial_path(path_) : final_path;
  std::error_code ignored;
  return !std::filesystem::exists(path_, ignored) && std::filesystem::exists(other, ignored) ? other : path_;
}

std::string FollowedRun::read(bool written) {
  auto const path = newest_path();
  std::string status, reason;
  {
    auto const before = record::open_run(path);
    status = before.file.read_attribute("/", "status");
    reason = before.file.read_attribute("/", "status_reason");
  }
  auto const run = record::open_run(path);  // after its status: of a run that has ended, every step is seen
  auto const done = std::int64_t(run.steps_done);
  auto text = lines(run, std::size_t(told_ < 0 ? std::max<std::int64_t>(0, done - 1) : std::min(told_, done)));
  told_ = done;
  ended_ = status != "running" || !written;
  return ended_ ? text + last_line(path, status, reason) : text;
}

/// As far as can be told from here: another host's processes are not seen.
bool FollowedRun::writer_lives() const {
  try {
    auto const holder = lock_holder(record::final_path(path_));
    return holder && holder->alive.value_or(true);
  } catch (std::filesystem::filesystem_error const&) {
    return false;
  }
}

std::string FollowedRun::news() {
  bool const written = writer_lives();  // asked before: it gives up its lock after its last word
  try {
    auto text = read(written);
    failures_ = 0;
    return text;
  } catch (UserError const&) {
    if (!written || ++failures_ > most_failures) throw;
    return "";
  }
}

}  // namespace moescope

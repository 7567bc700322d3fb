#include "record/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/error.hpp"
#include "record/schema.hpp"
#include "record/stored_run.hpp"

namespace moescope {
namespace {

using record::StoredRun;
using schema::DatasetSpec;
using Texts = std::vector<std::string>;

std::string quoted(std::string const& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string result = "\"";
  for (char const c : text) result += c == '"' ? "\"\"" : std::string(1, c);
  return result + '"';
}

/// The values of a dataset, to be printed one by one.
class Fields {
 public:
  Fields(StoredRun const& run, DatasetSpec const& spec) {
    auto const path = record::name_in(run.file, spec.path);
    if (spec.type == hdf5::Type::text)
      values_ = run.file.read_text(path);
    else if (spec.type == hdf5::Type::f64)
      values_ = run.file.read_numbers(path);
    else
      values_ = run.file.read_integers(path);
  }
  std::size_t size() const {
    return std::visit([](auto const& values) { return values.size(); }, values_);
  }
  std::string operator[](std::size_t i) const {
    return std::visit([i](auto const& values) { return quoted(fmt::format("{}", values.at(i))); }, values_);
  }

 private:
  std::variant<Texts, std::vector<double>, std::vector<std::int64_t>> values_;
};

DatasetSpec const* find(std::string const& path) {
  auto const& all = schema::datasets();
  auto const found = std::find_if(all.begin(), all.end(), [&](DatasetSpec const& spec) { return spec.path == path; });
  return found == all.end() ? nullptr : &*found;
}

DatasetSpec const& known_dataset(std::string const& path) {
  if (auto const* spec = find(path)) return *spec;
  std::string same_name;
  for (auto const& spec : schema::datasets())
    if (spec.path.ends_with(path.substr(path.rfind('/')))) same_name += (same_name.empty() ? "" : ", ") + spec.path;
  throw UserError(fmt::format(
      "a run file has no dataset {}; {}", path,
      same_name.empty() ? "docs/definitions.md lists them all, such as /raw/loss/total" : "did you mean " + same_name + "?"));
}

/// Along a dimension: whether its rows are complete.
std::vector<bool> complete(StoredRun const& run, std::string const& dim, std::size_t extent) {
  std::vector<bool> result(extent, true);
  auto const done = std::int64_t(run.steps_done);
  if (dim == "step" || dim == "detail_step") {
    auto const steps = run.file.read_integers("/" + dim);
    for (std::size_t i = 0; i < extent; ++i) result[i] = steps.at(i) < done;
  } else if (dim == "evaluation") {
    auto const at_step = run.file.read_integers("/raw/eval/at_step");
    for (std::size_t i = 0; i < extent; ++i) result[i] = at_step.at(i) >= 0;
  }
  return result;
}

void write_line(std::ostream& out, Texts const& row) {
  char const* separator = "";
  for (auto const& field : row) out << std::exchange(separator, ",") << field;
  out << "\r\n";
}

std::string column(std::string const& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

void write_series_csv(std::string const& path, std::ostream& out) {
  auto const run = record::open_run(path);
  Texts header;
  std::vector<Fields> columns;
  for (auto const& spec : schema::datasets()) {
    if (spec.dims != Texts{"step"} || !run.file.has(record::name_in(run.file, spec.path))) continue;
    header.push_back(spec.path.substr(1));
    columns.emplace_back(run, spec);
  }
  write_line(out, header);
  for (std::size_t step = 0; step < run.steps_done; ++step) {
    Texts row;
    for (auto const& values : columns) row.push_back(values[step]);
    write_line(out, row);
  }
}

void write_dataset_csv(std::string const& path, std::string dataset, std::ostream& out) {
  if (!dataset.starts_with('/')) dataset = '/' + dataset;
  auto const& spec = known_dataset(dataset);
  auto const run = record::open_run(path);
  auto const dims = spec.is_scale() ? Texts{} : spec.dims;
  auto const extents = run.file.extents(record::name_in(run.file, spec.path));
  Fields const values(run, spec);
  std::vector<Fields> labels;
  labels.reserve(dims.size());
  for (auto const& dim : dims) labels.emplace_back(run, known_dataset("/" + dim));
  auto const rows = spec.dims.empty() ? std::vector<bool>{true} : complete(run, spec.dims[0], extents.at(0));
  auto header = dims;
  header.push_back(column(spec.path));
  write_line(out, header);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!rows.at(i / (values.size() / rows.size()))) continue;
    Texts row(dims.size() + 1);
    row.back() = values[i];
    for (std::size_t d = dims.size(), rest = i; d-- > 0; rest /= extents[d]) row[d] = labels[d][rest % extents[d]];
    write_line(out, row);
  }
}

}  // namespace moescope

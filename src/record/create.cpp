#include "record/create.hpp"

#include <algorithm>

#include "record/file_size.hpp"
#include "record/scales.hpp"
#include "record/schema.hpp"

namespace moescope::record {
namespace {

using schema::DatasetSpec;

/// Text of the datasets of names that are no scales.
std::map<std::string, std::vector<std::string>> names_of_collectives(RunFileSetup const& setup) {
  std::vector<std::string> axes, operations;
  for (auto const& collective : setup.collectives) {
    axes.emplace_back(name(collective.axis));
    operations.emplace_back(traffic::name(collective.operation));
  }
  return {{"/provenance/collective_axis", axes}, {"/provenance/collective_operation", operations}};
}

std::vector<std::int64_t> group_sizes(RunFileSetup const& setup) {
  std::vector<std::int64_t> sizes;
  for (auto const& collective : setup.collectives) sizes.push_back(setup.layout.size(collective.axis));
  return sizes;
}

void fill_scale(hdf5::Dataset& dataset, Scale const& scale) {
  if (scale.names.empty())
    dataset.write(scale.numbers);
  else
    dataset.write(scale.names);
}

bool grows_with_steps(DatasetSpec const& spec) {
  return !spec.dims.empty() && (spec.dims[0] == "step" || spec.dims[0] == "detail_step");
}

class Creator {
 public:
  Creator(hdf5::File& file, RunFileSetup const& setup, std::int64_t steps)
      : file_(file),
        scales_(scales(setup, steps)),
        names_(names_of_collectives(setup)),
        steps_(setup.config.train.steps),
        steps_at_once_(file_size(setup).steps_at_once),
        detail_every_(setup.config.record.detail_every) {}

  void create(DatasetSpec const& spec) {
    std::vector<hsize_t> extents;
    for (auto const& dim : spec.dims) extents.push_back(scales_.at(dim).size());
    auto const made =
        datasets_.emplace(spec.path, file_.create_dataset(spec.path, spec.type, extents, text_length(spec), growth(spec))).first;
    if (spec.is_scale()) {
      file_.make_scale(made->second);
      fill_scale(made->second, scales_.at(spec.dims[0]));
    } else {
      for (unsigned d = 0; d < spec.dims.size(); ++d) file_.attach_scale(made->second, datasets_.at("/" + spec.dims[d]), d);
    }
    if (auto const names = names_.find(spec.path); names != names_.end()) made->second.write(names->second);
    file_.write_attribute(spec.path, "units", spec.units);
    file_.write_attribute(spec.path, "long_name", spec.long_name);
  }

  Datasets take() { return std::move(datasets_); }

 private:
  std::size_t text_length(DatasetSpec const& spec) const {
    if (spec.is_scale()) return longest_name(scales_.at(spec.dims[0]));
    auto const names = names_.find(spec.path);
    return names == names_.end() ? 1 : longest_name({{}, names->second});
  }

  hdf5::Growth growth(DatasetSpec const& spec) const {
    if (steps_at_once_ == steps_ || !grows_with_steps(spec)) return {};
    auto const stride = spec.dims[0] == "step" ? 1 : detail_every_;
    return {hsize_t((steps_at_once_ + stride - 1) / stride), hsize_t((steps_ + stride - 1) / stride)};
  }

  hdf5::File& file_;
  std::map<std::string, Scale> scales_;
  std::map<std::string, std::vector<std::string>> names_;
  std::int64_t steps_, steps_at_once_, detail_every_;
  Datasets datasets_;
};

}  // namespace

void make_room(Datasets& datasets, RunFileSetup const& setup, std::int64_t steps) {
  auto const all = scales(setup, steps);
  for (auto const& spec : schema::datasets()) {
    if (!grows_with_steps(spec)) continue;
    auto& dataset = datasets.at(spec.path);
    auto const& scale = all.at(spec.dims[0]);
    dataset.grow(scale.size());
    if (spec.is_scale()) fill_scale(dataset, scale);
  }
}

Datasets create_datasets(hdf5::File& file, RunFileSetup const& setup, std::int64_t steps) {
  Creator creator(file, setup, steps);
  for (auto const& spec : schema::datasets()) creator.create(spec);
  auto datasets = creator.take();
  datasets.at("/steps_done").write(std::vector<std::int64_t>{0});
  datasets.at("/provenance/rank_node").write(nodes(setup.hosts).of_rank);
  datasets.at("/provenance/collective_group_size").write(group_sizes(setup));
  datasets.at("/raw/placement").write(placement(setup));
  datasets.at("/raw/placement_from_step").write(std::vector<std::int64_t>{0});
  return datasets;
}

}  // namespace moescope::record

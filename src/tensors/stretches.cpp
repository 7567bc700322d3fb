#include "tensors/stretches.hpp"

namespace moescope {

std::vector<Stretch> stretches(TensorTable const& table, std::function<Range(TensorSpec const&)> const& select) {
  std::vector<Stretch> result;
  for (auto const& spec : table.specs()) {
    if (!table.group_of(spec).trained) continue;
    Range const chosen = select(spec);
    if (chosen.size() <= 0) continue;
    auto const width = spec.held_columns.size();
    auto const begin = spec.offset + (chosen.begin - spec.held_rows.begin) * width, end = begin + chosen.size() * width;
    if (!result.empty() && result.back().group == spec.group && result.back().end == begin) {
      result.back().end = end;
    } else {
      result.push_back({spec.group, begin, end});
    }
  }
  return result;
}

std::vector<Stretch> counted_stretches(TensorTable const& table, Layout const& layout, std::int64_t rank) {
  std::vector<Stretch> result;
  for (auto const& whole : stretches(table, [](TensorSpec const& spec) { return spec.counted_rows; })) {
    auto const axis = table.groups()[whole.group].axis;
    auto const part = split(whole.end - whole.begin, layout.size(axis), layout.coordinate(axis, rank));
    if (part.size() > 0) result.push_back({whole.group, whole.begin + part.begin, whole.begin + part.end});
  }
  return result;
}

}  // namespace moescope

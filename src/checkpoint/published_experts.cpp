#include "checkpoint/published_experts.hpp"

namespace moescope {

namespace {

using Form = PublishedExperts::Form;

/// [columns,rows] of [rows,columns].
std::vector<double> transposed(std::vector<double> const& matrix, std::int64_t rows, std::int64_t columns) {
  std::vector<double> result(matrix.size());
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) result[std::size_t(j * rows + i)] = matrix[std::size_t(i * columns + j)];
  return result;
}

std::vector<double> part(std::vector<double> const& all, std::int64_t which, std::int64_t size) {
  return {all.begin() + which * size, all.begin() + (which + 1) * size};
}

ExpertTensors read_separate(TensorSource const& source, PublishedRouter const& router, std::int64_t layer, std::int64_t expert) {
  auto const& experts = router.experts;
  auto const read = [&](std::string const& name, std::vector<std::int64_t> const& shape) {
    return source.read(tensor_of_layer(name, layer, expert), shape);
  };
  ExpertTensors tensors{read(experts.gate, {experts.width, router.hidden_size}),
                        read(experts.down, {router.hidden_size, experts.width})};
  auto const up = read(experts.up, {experts.width, router.hidden_size});
  tensors.gate_up.insert(tensors.gate_up.end(), up.begin(), up.end());
  return tensors;
}

std::vector<ExpertTensors> read_fused(TensorSource const& source, PublishedRouter const& router, std::int64_t layer) {
  auto const count = router.num_experts, hidden = router.hidden_size, width = router.experts.width;
  bool const turned = router.experts.form == Form::columns;
  auto const read = [&](std::string const& name, std::int64_t rows, std::int64_t columns) {
    return source.read(tensor_of_layer(name, layer),
                       turned ? std::vector{count, columns, rows} : std::vector{count, rows, columns});
  };
  auto const gate_up = read(router.experts.gate, 2 * width, hidden), down = read(router.experts.down, hidden, width);
  std::vector<ExpertTensors> experts;
  for (std::int64_t e = 0; e < count; ++e) {
    ExpertTensors tensors{part(gate_up, e, 2 * width * hidden), part(down, e, hidden * width)};
    if (turned) tensors = {transposed(tensors.gate_up, hidden, 2 * width), transposed(tensors.down, width, hidden)};
    experts.push_back(std::move(tensors));
  }
  return experts;
}

}  // namespace

std::vector<ExpertTensors> read_experts(TensorSource const& source, PublishedRouter const& router, std::int64_t layer) {
  if (router.experts.form == Form::not_read || !source.has(tensor_of_layer(router.experts.gate, layer))) return {};
  if (router.experts.form != Form::separate) return read_fused(source, router, layer);
  std::vector<ExpertTensors> experts;
  for (std::int64_t e = 0; e < router.num_experts; ++e) experts.push_back(read_separate(source, router, layer, e));
  return experts;
}

}  // namespace moescope

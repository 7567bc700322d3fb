#include "checkpoint/tensor_source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"

namespace moescope {

std::int64_t TensorInfo::elements() const { return rows() * columns(); }
std::int64_t TensorInfo::columns() const { return shape.empty() ? 1 : shape.back(); }
std::int64_t TensorInfo::rows() const {
  std::int64_t product = 1;
  for (std::size_t i = 0; i + 1 < shape.size(); ++i) product *= shape[i];
  return product;
}

std::string shape_text(std::vector<std::int64_t> const& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::vector<double> TensorSource::read(std::string const& name) const {
  auto const& tensor = info(name);
  return read_slice(name, {0, tensor.rows()}, {0, tensor.columns()});
}

std::vector<double> TensorSource::read(std::string const& name, std::vector<std::int64_t> const& shape) const {
  if (auto const& found = info(name).shape; found != shape)
    throw UserError(
        fmt::format("{}: tensor '{}' has shape {}, expected is {}.", path(), name, shape_text(found), shape_text(shape)));
  return read(name);
}

}  // namespace moescope

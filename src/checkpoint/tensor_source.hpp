#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/range.hpp"

namespace moescope {

struct TensorInfo {
  std::string dtype;  ///< F64, F32, BF16, F16, I64, I32, U8, ...
  std::vector<std::int64_t> shape;
  std::int64_t begin = 0, end = 0;  ///< byte offsets in the buffer
  std::int64_t elements() const;
  /// The tensor as a matrix: the last dimension are the columns, all before it the rows. [] is 1 x 1, [n] is 1 x n.
  std::int64_t rows() const;
  std::int64_t columns() const;
};

/// "[2, 3]"
std::string shape_text(std::vector<std::int64_t> const& shape);

/// Named tensors that lie on disk, of which any part can be read. Where a tensor is asked for that it does not hold, or not so,
/// it throws a UserError that names file and tensor.
class TensorSource {
 public:
  virtual ~TensorSource() = default;

  virtual std::string const& path() const = 0;         ///< for messages
  virtual std::vector<std::string> names() const = 0;  ///< sorted
  virtual bool has(std::string const& name) const = 0;
  virtual TensorInfo const& info(std::string const& name) const = 0;
  /// The part [rows, columns] of the tensor as a matrix (see TensorInfo::rows), any floating dtype widened to double, row-major;
  /// only its pages are touched.
  virtual std::vector<double> read_slice(std::string const& name, Range rows, Range columns) const = 0;
  /// I64, I32, I16, I8, U32, U16, U8 and BOOL.
  virtual std::vector<std::int64_t> read_int64(std::string const& name) const = 0;

  std::vector<double> read(std::string const& name) const;
  /// UserError too where the tensor has another shape.
  std::vector<double> read(std::string const& name, std::vector<std::int64_t> const& shape) const;
};

}  // namespace moescope

#pragma once
#include <cstdint>
#include <map>
#include <memory>
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

/// A memory-mapped safetensors file (format: huggingface/safetensors, README). Opening checks everything the format demands
/// (header length, JSON, duplicate keys, contiguous ranges, sizes, end of file) and throws UserError naming file and tensor.
class Safetensors {
 public:
  explicit Safetensors(std::string path);
  ~Safetensors();
  Safetensors(Safetensors&&) noexcept;

  std::string const& path() const;
  std::map<std::string, TensorInfo> const& tensors() const;
  bool has(std::string const& name) const;
  /// Throws UserError naming file and tensor if it is absent.
  TensorInfo const& info(std::string const& name) const;
  /// Any floating dtype widened to double, row-major. Throws UserError naming file and tensor if it is absent, not floating, or
  /// if `shape` is given and differs.
  std::vector<double> read(std::string const& name) const;
  std::vector<double> read(std::string const& name, std::vector<std::int64_t> const& shape) const;
  /// The part [rows, columns] of the tensor as a matrix (see TensorInfo::rows), row-major; only its pages are touched.
  std::vector<double> read_slice(std::string const& name, Range rows, Range columns) const;
  std::vector<double> read_rows(std::string const& name, Range rows) const;
  /// I64, I32, I16, I8, U32, U16, U8 and BOOL.
  std::vector<std::int64_t> read_int64(std::string const& name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A row-major tensor that lies in memory.
struct TensorToWrite {
  std::string dtype;  ///< any whose elements are whole bytes
  std::vector<std::int64_t> shape;
  void const* data = nullptr;
};
/// Writes a file that appears whole or not at all, and returns its CRC-32. Throws UserError naming the file and the system's
/// reason.
std::uint32_t write_safetensors(std::string const& path, std::map<std::string, TensorToWrite> const& tensors);

}  // namespace moescope

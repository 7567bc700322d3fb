#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace moescope {

struct TensorInfo {
  std::string dtype;  ///< F64, F32, BF16, F16, I64, I32, U8, ...
  std::vector<std::int64_t> shape;
  std::int64_t begin = 0, end = 0;  ///< byte offsets in the buffer
  std::int64_t elements() const;
};

/// A memory-mapped safetensors file. Opening checks everything the format demands (header length, JSON, duplicate keys,
/// contiguous ranges, sizes, end of file) and throws UserError naming file and tensor.
class Safetensors {
 public:
  explicit Safetensors(std::string path);
  ~Safetensors();
  Safetensors(Safetensors&&) noexcept;

  std::string const& path() const;
  std::map<std::string, TensorInfo> const& tensors() const;
  bool has(std::string const& name) const;
  /// Throws UserError naming file and tensor if it is absent, and if `shape` is given and differs.
  TensorInfo const& info(std::string const& name) const;
  /// Any floating dtype widened to double; integer dtypes by read_int64.
  std::vector<double> read(std::string const& name) const;
  std::vector<double> read(std::string const& name, std::vector<std::int64_t> const& shape) const;
  std::vector<std::int64_t> read_int64(std::string const& name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Writes row-major F64 or I64 tensors, atomically (temporary file, then rename). For tests and checkpoints.
struct TensorToWrite {
  std::string dtype;  ///< F64, F32 or I64
  std::vector<std::int64_t> shape;
  std::vector<double> values;
};
void write_safetensors(std::string const& path, std::map<std::string, TensorToWrite> const& tensors);

}  // namespace moescope

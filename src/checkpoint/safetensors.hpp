#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.hpp"

namespace moescope {

/// A memory-mapped safetensors file (format: huggingface/safetensors, README). Opening checks everything the format demands
/// (header length, JSON, duplicate keys, contiguous ranges, sizes, end of file) and throws UserError naming file and tensor.
class Safetensors : public TensorSource {
 public:
  explicit Safetensors(std::string path);
  ~Safetensors() override;
  Safetensors(Safetensors&&) noexcept;

  std::map<std::string, TensorInfo> const& tensors() const;

  std::string const& path() const override;
  std::vector<std::string> names() const override;
  bool has(std::string const& name) const override;
  TensorInfo const& info(std::string const& name) const override;
  std::vector<double> read_slice(std::string const& name, Range rows, Range columns) const override;
  std::vector<std::int64_t> read_int64(std::string const& name) const override;

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

#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "checkpoint/safetensors.hpp"

namespace moescope::test {

struct TensorValues {
  std::string dtype;  ///< F64, F32 or I64
  std::vector<std::int64_t> shape;
  std::vector<double> values;
};

template <class Stored>
std::vector<char> stored_as(std::vector<double> const& values) {
  std::vector<Stored> const stored(values.begin(), values.end());
  std::vector<char> bytes(stored.size() * sizeof(Stored));
  if (!bytes.empty()) std::memcpy(bytes.data(), stored.data(), bytes.size());
  return bytes;
}

/// A safetensors file of these values.
inline void write_tensors(std::string const& path, std::map<std::string, TensorValues> const& tensors) {
  std::map<std::string, std::vector<char>> bytes;
  std::map<std::string, TensorToWrite> to_write;
  for (auto const& [name, tensor] : tensors) {
    auto& own = bytes[name];
    if (tensor.dtype == "F64")
      own = stored_as<double>(tensor.values);
    else if (tensor.dtype == "F32")
      own = stored_as<float>(tensor.values);
    else if (tensor.dtype == "I64")
      own = stored_as<std::int64_t>(tensor.values);
    else
      throw std::logic_error("dtype " + tensor.dtype);
    to_write[name] = {tensor.dtype, tensor.shape, own.data()};
  }
  write_safetensors(path, to_write);
}

}  // namespace moescope::test

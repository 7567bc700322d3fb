#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace moescope {

/// Bits of one element of a safetensors dtype (sub-byte ones exist); 0 if the name is unknown.
std::int64_t bits_of_dtype(std::string const& dtype);

/// Appends `count` unaligned little-endian elements, widened. False if `dtype` is no floating (no integer) type that can be.
bool append_floating(std::string const& dtype, char const* bytes, std::int64_t count, std::vector<double>& values);
bool append_integer(std::string const& dtype, char const* bytes, std::int64_t count, std::vector<std::int64_t>& values);

}  // namespace moescope

#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

/// A safetensors file put together by hand: length, header as given, buffer.
inline std::string safetensors_bytes(std::string const& header, std::string const& buffer) {
  std::uint64_t const length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + header + buffer;
}

template <class T>
std::string raw(std::vector<T> const& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  return {reinterpret_cast<char const*>(values.data()), values.size() * sizeof(T)};
}

#include "checkpoint/dtype.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

namespace moescope {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian and is read in place");

namespace {

template <class Stored, class Value, class Widen>
bool append(char const* bytes, std::int64_t count, std::vector<Value>& values, Widen widen) {
  auto const old_size = std::int64_t(values.size());
  values.resize(std::size_t(old_size + count));
  for (std::int64_t i = 0; i < count; ++i) {
    Stored stored;
    std::memcpy(&stored, bytes + i * std::int64_t(sizeof(Stored)), sizeof(Stored));
    values[std::size_t(old_size + i)] = widen(stored);
  }
  return true;
}

template <class Stored, class Value>
bool append(char const* bytes, std::int64_t count, std::vector<Value>& values) {
  return append<Stored>(bytes, count, values, [](Stored stored) { return Value(stored); });
}

/// IEEE 754 binary16.
double from_float16(std::uint16_t bits) {
  int const exponent = (bits >> 10) & 0x1F, fraction = bits & 0x3FF;
  double magnitude = 0;
  if (exponent == 0x1F)
    magnitude = fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  else
    magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

/// The upper half of a binary32.
double from_bfloat16(std::uint16_t bits) { return double(std::bit_cast<float>(std::uint32_t(bits) << 16)); }

}  // namespace

std::int64_t bits_of_dtype(std::string const& dtype) {
  static std::map<std::string, std::int64_t> const bits = {
      {"F4", 4},          {"F6_E2M3", 6},     {"F6_E3M2", 6}, {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8},
      {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"BOOL", 8},    {"I8", 8},      {"U8", 8},      {"I16", 16},
      {"U16", 16},        {"F16", 16},        {"BF16", 16},   {"I32", 32},    {"U32", 32},    {"F32", 32},
      {"I64", 64},        {"U64", 64},        {"F64", 64},    {"C64", 64}};
  auto const found = bits.find(dtype);
  return found == bits.end() ? 0 : found->second;
}

bool append_floating(std::string const& dtype, char const* bytes, std::int64_t count, std::vector<double>& values) {
  if (dtype == "F64") return append<double>(bytes, count, values);
  if (dtype == "F32") return append<float>(bytes, count, values);
  if (dtype == "F16") return append<std::uint16_t>(bytes, count, values, from_float16);
  if (dtype == "BF16") return append<std::uint16_t>(bytes, count, values, from_bfloat16);
  return false;
}

bool append_integer(std::string const& dtype, char const* bytes, std::int64_t count, std::vector<std::int64_t>& values) {
  if (dtype == "I64") return append<std::int64_t>(bytes, count, values);
  if (dtype == "I32") return append<std::int32_t>(bytes, count, values);
  if (dtype == "I16") return append<std::int16_t>(bytes, count, values);
  if (dtype == "I8") return append<std::int8_t>(bytes, count, values);
  if (dtype == "U32") return append<std::uint32_t>(bytes, count, values);
  if (dtype == "U16") return append<std::uint16_t>(bytes, count, values);
  if (dtype == "U8" || dtype == "BOOL") return append<std::uint8_t>(bytes, count, values);
  return false;
}

}  // namespace moescope

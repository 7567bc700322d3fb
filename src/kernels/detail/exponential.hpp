#pragma once
#include <Kokkos_BitManipulation.hpp>
#include <Kokkos_Core.hpp>
#include <cstdint>

namespace moescope::kernels {

namespace detail {

/// What differs between the types in `exponential`: the bits of a number, its exponent's place and bias, and the number of
/// Taylor terms that reach its precision for |x| <= log(2) / 2.
template <class T>
struct FloatFormat;
template <>
struct FloatFormat<float> {
  using Bits = std::uint32_t;
  static constexpr int mantissa_bits = 23, bias = 127, degree = 7;
  static constexpr float log2_high = 0x1.62ep-1f, log2_low = 0x1.0bfbe8p-15f;  // their sum is log(2), the first one short
  static constexpr float largest = 88.8f, smallest = -104.0f;                  // beyond: infinity, 0
};
template <>
struct FloatFormat<double> {
  using Bits = std::uint64_t;
  static constexpr int mantissa_bits = 52, bias = 1023, degree = 13;
  static constexpr double log2_high = 0x1.62e42fee00000p-1, log2_low = 0x1.a39ef35793c76p-33;
  static constexpr double largest = 709.8, smallest = -745.2;
};

/// x = k log(2) + r, exp(x) = 2^k (1 + r + r^2/2! + ...).
template <class T>
T exponential_without_branches(T x) {
  using Format = FloatFormat<T>;
  using Bits = typename Format::Bits;
  T const to_integer = T(Bits(3) << (Format::mantissa_bits - 1));  // adding it leaves the nearest integer in the last bits
  T const bounded = x > Format::largest ? Format::largest : x < Format::smallest ? Format::smallest : x;
  T const shifted = bounded * T(1.4426950408889634) + to_integer, k = shifted - to_integer;
  T const r = (bounded - k * Format::log2_high) - k * Format::log2_low;
  T sum = 1;
  for (int n = Format::degree; n > 0; --n) sum = T(1) + sum * r * (T(1) / T(n));
  // 2^k in two factors, since k itself may exceed the range of the exponent.
  Bits const exponent = Kokkos::bit_cast<Bits>(shifted) - Kokkos::bit_cast<Bits>(to_integer) + Bits(2 * Format::bias);
  Bits const half = exponent >> 1;
  T const first = Kokkos::bit_cast<T>(half << Format::mantissa_bits);
  T const second = Kokkos::bit_cast<T>((exponent - half) << Format::mantissa_bits);
  T const result = sum * first * second;
  return x > Format::largest ? Kokkos::Experimental::infinity_v<T> : x < Format::smallest ? T(0) : result;
}

}  // namespace detail

/// exp(x) to one unit in the last place, without a branch or a call, so that compilers vectorise loops over it: a call to
/// libm's exp for each score would be half of attention's time. Infinities and NaN as std::exp.
template <class T>
KOKKOS_INLINE_FUNCTION T exponential(T x) {
  KOKKOS_IF_ON_HOST((return detail::exponential_without_branches(x);))
  KOKKOS_IF_ON_DEVICE((return Kokkos::exp(x);))
}

}  // namespace moescope::kernels

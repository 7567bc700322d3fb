#pragma once
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <type_traits>
#include <utility>

namespace moescope {

/// X(type) for each storage type of parameters and activations. Templates are instantiated by this list, as
/// MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE), and `with_scalar` chooses from it: a new type is a word here and its StorageType.
#define MOESCOPE_FOR_SCALARS(X) \
  X(float)                      \
  X(double)

/// As written in `train.dtype`.
enum class DType { float32, float64 };

/// Type in which sums over values stored as T are kept, and with them statistics, weights of choices, gradients and moments. A
/// 2-byte storage type specialises this to float.
template <class T>
struct AccumulateType {
  using type = T;
};
template <class T>
using Accumulate = typename AccumulateType<T>::type;

template <class T>
struct StorageType;
template <>
struct StorageType<float> {
  static constexpr DType dtype = DType::float32;
  static constexpr std::string_view name = "float32", safetensors = "F32";
};
template <>
struct StorageType<double> {
  static constexpr DType dtype = DType::float64;
  static constexpr std::string_view name = "float64", safetensors = "F64";
};

/// A storage type where the type itself is not at hand.
struct Scalar {
  DType dtype;
  std::string_view name;             ///< in `train.dtype`
  std::int64_t stored, accumulated;  ///< bytes of a T, and of an Accumulate<T>
};
template <class T>
inline constexpr Scalar scalar_of{StorageType<T>::dtype, StorageType<T>::name, sizeof(T), sizeof(Accumulate<T>)};

#define MOESCOPE_ROW(T) scalar_of<T>,
inline constexpr Scalar scalars[] = {MOESCOPE_FOR_SCALARS(MOESCOPE_ROW)};
#undef MOESCOPE_ROW

constexpr Scalar const& scalar(DType dtype) {
  for (auto const& each : scalars)
    if (each.dtype == dtype) return each;
  std::abort();
}

constexpr std::string_view name(DType dtype) { return scalar(dtype).name; }

/// action(std::type_identity<T>()) for the T that `dtype` stands for.
template <class Action>
decltype(auto) with_scalar(DType dtype, Action&& action) {
#define MOESCOPE_CASE(T) \
  if (dtype == StorageType<T>::dtype) return std::forward<Action>(action)(std::type_identity<T>());
  MOESCOPE_FOR_SCALARS(MOESCOPE_CASE)
#undef MOESCOPE_CASE
  std::abort();
}

}  // namespace moescope

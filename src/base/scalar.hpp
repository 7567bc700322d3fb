#pragma once
#include <string_view>

namespace moescope {

/// Storage type of parameters and activations, as written in `train.dtype`.
enum class DType { float64, float32 };

constexpr std::string_view name(DType dtype) { return dtype == DType::float64 ? "float64" : "float32"; }

/// Type in which sums over values stored as T are kept. A 2-byte storage type specialises this to float; kernels name
/// `Accumulate<T>` wherever they add, so that such a type needs no change in them.
template <class T>
struct AccumulateType {
  using type = T;
};
template <class T>
using Accumulate = typename AccumulateType<T>::type;

}  // namespace moescope

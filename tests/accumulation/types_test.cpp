// Which members of the headers are of the storage type, and which of its accumulation type.
#include <type_traits>

#include "dispatch/dispatcher.hpp"
#include "kernels/gemm.hpp"
#include "model/model.hpp"
#include "step/optimizer.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

template <class View, class T>
constexpr bool holds = std::is_same_v<typename View::non_const_value_type, T>;
template <class Buffers>
using Number = typename decltype(Buffers::group)::value_type::non_const_value_type;

static_assert(std::is_same_v<Accumulate<float>, double> && std::is_same_v<Accumulate<double>, double>);

// Statistics, scores and weights are sums.
static_assert(holds<decltype(AttentionActivations<float>::log_sum_exp), double>);
static_assert(holds<decltype(AttentionActivations<float>::context), float>);
static_assert(holds<decltype(AttentionState<float>::inverse_rms), double>);
static_assert(holds<decltype(MoeState<float>::inverse_rms), double> && holds<decltype(MoeState<float>::normed), float>);
static_assert(holds<decltype(HeadState<float>::inverse_rms), double> && holds<decltype(HeadState<float>::maximum), double>);
static_assert(holds<decltype(HeadState<float>::sum_exp), double> && holds<decltype(HeadState<float>::logits), float>);
static_assert(holds<decltype(Routing<float>::weight), double>);
static_assert(holds<decltype(BranchState<float>::weight), double>);
static_assert(holds<decltype(WeightedRows<float>::weight), double> && holds<decltype(WeightedRows<float>::rows), float>);
static_assert(holds<decltype(ExpertsInput<float>::weight), double> && holds<decltype(ExpertsInput<float>::rows), float>);
static_assert(holds<decltype(ExpertsInputGradient<float>::weight), double>);

// So are gradients of parameters and moments, but not the parameters.
using State = TrainingState<float>;
static_assert(std::is_same_v<Number<decltype(State::values)>, float>);
static_assert(std::is_same_v<Number<decltype(State::gradients)>, double>);
static_assert(std::is_same_v<Number<decltype(State::first_moment)>, double>);
static_assert(std::is_same_v<Number<decltype(State::second_moment)>, double>);

using Product = kernels::GemmArguments<float, double>;
static_assert(std::is_same_v<decltype(Product::a), float const*> && std::is_same_v<decltype(Product::c), double*>);
static_assert(std::is_same_v<decltype(Product::alpha), double> && std::is_same_v<decltype(Product::beta), double>);

}  // namespace

TEST_CASE("the table of storage types knows both sizes of each") {
  CHECK(scalar(DType::float32).stored == 4);
  CHECK(scalar(DType::float32).accumulated == 8);
  CHECK(scalar(DType::float64).stored == 8);
  CHECK(scalar(DType::float64).accumulated == 8);
}

#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/error.hpp"
#include "config/loss_kinds.hpp"
#include "gates/losses/loss.hpp"

namespace moescope {

/// Every loss of config/loss_kinds.cpp. A kind lives in <kind>.cpp, which defines make_<kind>_loss<T>; docs/definitions.md says
/// what it is.
#define MOESCOPE_LOSSES(LOSS) \
  LOSS(cv_squared)            \
  LOSS(switch)                \
  LOSS(gshard)                \
  LOSS(sequence)              \
  LOSS(device)                \
  LOSS(layer_pooled)          \
  LOSS(z)                     \
  LOSS(entropy)               \
  LOSS(relu_l1)

#define MOESCOPE_DECLARE(kind) \
  template <class T>           \
  std::unique_ptr<RouterLoss<T>> make_##kind##_loss(LossConfig const& loss, ModelConfig const& model);
MOESCOPE_LOSSES(MOESCOPE_DECLARE)
#undef MOESCOPE_DECLARE

namespace {

template <class T>
struct LossFactory {
  std::string_view kind;
  std::unique_ptr<RouterLoss<T>> (*make)(LossConfig const&, ModelConfig const&);
};

}  // namespace

template <class T>
std::unique_ptr<RouterLoss<T>> make_loss(LossConfig const& loss, ModelConfig const& model) {
#define MOESCOPE_FACTORY(kind) {#kind, make_##kind##_loss<T>},
  static constexpr LossFactory<T> factories[] = {MOESCOPE_LOSSES(MOESCOPE_FACTORY)};
#undef MOESCOPE_FACTORY
  auto const name = loss_kind(loss.kind).name;
  auto const* found =
      std::find_if(std::begin(factories), std::end(factories), [&](auto const& each) { return each.kind == name; });
  MOESCOPE_CHECK(found != std::end(factories));
  return found->make(loss, model);
}

std::vector<std::string> loss_kinds() {
#define MOESCOPE_NAME(kind) #kind,
  return {MOESCOPE_LOSSES(MOESCOPE_NAME)};
#undef MOESCOPE_NAME
}

#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<RouterLoss<T>> make_loss<T>(LossConfig const&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope

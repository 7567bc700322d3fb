#include "dispatch/dispatcher.hpp"
#include "dispatch/moved_rows.hpp"
#include "dispatch/sent_rows.hpp"

namespace moescope {

namespace {

template <class T>
class HomeDispatcher final : public Dispatcher<T> {
 public:
  Plan plan(ExecSpace const& exec, Routing<T> const& routing) override { return plan_at_home<T>(exec, routing); }

  WeightedRows<T> dispatch(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& tokens) override {
    return copy_weighted<T>(exec, plan, tokens);
  }

  WeightedRows<T> dispatch_backward(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& d_rows) override {
    return sum_weighted<T>(exec, plan, d_rows);
  }

  Matrix<T> combine(ExecSpace const& exec, Plan const& plan, Matrix<T> const& rows) override {
    return sum_copies<T>(exec, plan, rows);
  }

  Matrix<T> combine_backward(ExecSpace const& exec, Plan const& plan, Matrix<T> const& d_tokens) override {
    return copy_tokens<T>(exec, plan, d_tokens);
  }
};

}  // namespace

template <class T>
std::unique_ptr<Dispatcher<T>> make_home() {
  return std::make_unique<HomeDispatcher<T>>();
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Dispatcher<T>> make_home<T>();
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope

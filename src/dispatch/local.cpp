#include "base/error.hpp"
#include "dispatch/row_dispatcher.hpp"

namespace moescope {

namespace {

/// Every expert is at home (ep = 1): sent rows are received rows.
template <class T>
class LocalDispatcher final : public RowDispatcher<T> {
 public:
  using RowDispatcher<T>::RowDispatcher;

 protected:
  Matrix<T> send(ExecSpace const&, RowPlan const&, Matrix<T> sent, ExchangeId const&) override { return sent; }
  Matrix<T> send_back(ExecSpace const&, RowPlan const&, Matrix<T> received, ExchangeId const&) override { return received; }
};

}  // namespace

template <class T>
std::unique_ptr<Dispatcher<T>> make_local(Mesh& mesh, ModelConfig const& model) {
  if (auto const ep = mesh.layout().size(Axis::ep); ep > 1) {
    throw UserError("train.dispatcher = \"local\" needs layout.ep = 1, but layout.ep = " + std::to_string(ep) +
                    "; use \"all_to_all\"");
  }
  return std::make_unique<LocalDispatcher<T>>(mesh, model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Dispatcher<T>> make_local<T>(Mesh&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope

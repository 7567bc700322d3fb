#include "comm/exchange.hpp"
#include "dispatch/row_dispatcher.hpp"

namespace moescope {

namespace {

/// Rows go straight to the ranks of their experts by one MPI_Alltoallv of rows over the ep group, and return the same way.
template <class T>
class AllToAllDispatcher final : public RowDispatcher<T> {
 public:
  using RowDispatcher<T>::RowDispatcher;

 protected:
  Matrix<T> send(ExecSpace const& exec, RowPlan const& plan, Matrix<T> sent, ExchangeId const& exchange) override {
    if (this->mesh_.group(Axis::ep).size() == 1) return sent;
    auto const received = make_matrix<T>("dispatch::received", plan.num_received(), std::int64_t(sent.extent(1)));
    start_all_to_all<T>(exec, this->mesh_, exchange, sent, plan.send_rows, received, plan.receive_rows).wait();
    return received;
  }

  Matrix<T> send_back(ExecSpace const& exec, RowPlan const& plan, Matrix<T> received, ExchangeId const& exchange) override {
    if (this->mesh_.group(Axis::ep).size() == 1) return received;
    auto const sent = make_matrix<T>("dispatch::returned", plan.num_sent(), std::int64_t(received.extent(1)));
    start_all_to_all<T>(exec, this->mesh_, exchange, received, plan.receive_rows, sent, plan.send_rows).wait();
    return sent;
  }
};

}  // namespace

template <class T>
std::unique_ptr<Dispatcher<T>> make_all_to_all(Mesh& mesh, ModelConfig const& model) {
  return std::make_unique<AllToAllDispatcher<T>>(mesh, model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Dispatcher<T>> make_all_to_all<T>(Mesh&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope

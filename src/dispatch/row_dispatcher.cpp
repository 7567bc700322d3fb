#include "dispatch/row_dispatcher.hpp"

#include "dispatch/sent_rows.hpp"
#include "kernels/permute.hpp"

namespace moescope {

namespace names = traffic::names;

RowExchanges::RowExchanges(Mesh const& mesh)
    : counts(mesh.exchange(names::counts)),
      out{mesh.exchange(names::dispatch_forward), mesh.exchange(names::combine_backward)},
      back{mesh.exchange(names::combine_forward), mesh.exchange(names::dispatch_backward)},
      etp_out{mesh.exchange(names::etp_dispatch_forward), mesh.exchange(names::etp_combine_backward)},
      etp_back{mesh.exchange(names::etp_combine_forward), mesh.exchange(names::etp_dispatch_backward)},
      weights{mesh.exchange(names::weights_forward), mesh.exchange(names::weights_backward)},
      etp_weights{mesh.exchange(names::etp_weights_forward), mesh.exchange(names::etp_weights_backward)} {}

template <class T>
Plan RowDispatcher<T>::plan(ExecSpace const& exec, Routing<T> const& routing) {
  auto plan = plan_sent_rows<T>(exec, mesh_, exchanges_.counts, model_, routing).plan;
  auto const members = mesh_.layout().members(Axis::ep, mesh_.rank());
  for (std::size_t p = 0; p < members.size(); ++p) {
    auto const out = plan.rows.send_rows[p], back = plan.rows.receive_rows[p];
    plan.peers.push_back({members[p], out, back, out, back});
  }
  return plan;
}

template <class T>
Matrix<T> RowDispatcher<T>::run(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> x, bool backward) {
  auto const sent = make_matrix<T>("dispatch::sent", plan.rows.num_sent(), std::int64_t(x.extent(1)));
  kernels::gather_rows<T>(exec, x, plan.token_of_sent, sent);
  auto const received = send(exec, plan.rows, sent, exchanges_.out.in(backward));
  return gather_grouped<T>(exec, mesh_, plan, received, exchanges_.etp_out.in(backward));
}

template <class T>
Matrix<T> RowDispatcher<T>::run_adjoint(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> rows, bool backward) {
  auto const received = scatter_grouped<T>(exec, mesh_, plan, rows, exchanges_.etp_back.in(backward));
  auto const sent = send_back(exec, plan.rows, received, exchanges_.back.in(backward));
  Matrix<T> y("dispatch::combined", plan.num_tokens, rows.extent(1));
  kernels::sum_rows<T>(exec, sent, plan.offsets, plan.sent_of_choice, y);
  return y;
}

template <class T>
Vector<T> RowDispatcher<T>::run_weights(ExecSpace const& exec, Plan const& plan, ConstVector<T> weight) {
  auto const sent = make_matrix<T>("dispatch::sent_weights", plan.rows.num_sent(), 1);
  kernels::gather_rows<T>(exec, ConstMatrix<T>(weight.data(), weight.extent(0), 1), plan.choice_of_sent, sent);
  auto const received = send(exec, plan.rows, sent, exchanges_.weights.forward);
  return Kokkos::subview(gather_grouped<T>(exec, mesh_, plan, received, exchanges_.etp_weights.forward), Kokkos::ALL, 0);
}

template <class T>
Vector<T> RowDispatcher<T>::run_weights_adjoint(ExecSpace const& exec, Plan const& plan, ConstVector<T> d_weight) {
  auto const received = scatter_grouped<T>(exec, mesh_, plan, ConstMatrix<T>(d_weight.data(), d_weight.extent(0), 1),
                                           exchanges_.etp_weights.backward);
  auto const sent = send_back(exec, plan.rows, received, exchanges_.weights.backward);
  Matrix<T> d_choice("dispatch::d_weight", plan.num_choices, 1);
  kernels::scatter_rows<T>(exec, sent, plan.choice_of_sent, d_choice);
  return Kokkos::subview(d_choice, Kokkos::ALL, 0);
}

template class RowDispatcher<double>;
template class RowDispatcher<float>;

}  // namespace moescope

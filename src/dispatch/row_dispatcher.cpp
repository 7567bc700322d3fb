#include "dispatch/row_dispatcher.hpp"

#include "dispatch/moved_rows.hpp"
#include "dispatch/sent_rows.hpp"

namespace moescope {

namespace names = traffic::names;

RowExchanges::RowExchanges(Mesh const& mesh)
    : counts(mesh.exchange(names::counts)),
      out{mesh.exchange(names::dispatch_forward), mesh.exchange(names::combine_backward)},
      back{mesh.exchange(names::combine_forward), mesh.exchange(names::dispatch_backward)},
      etp_out{mesh.exchange(names::etp_dispatch_forward), mesh.exchange(names::etp_combine_backward)},
      etp_back{mesh.exchange(names::etp_combine_forward), mesh.exchange(names::etp_dispatch_backward)} {}

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
WeightedRows<T> RowDispatcher<T>::dispatch(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& tokens) {
  if (rows_stay()) return copy_weighted<T>(exec, plan, tokens);
  auto const received = send(exec, plan.rows, join_copies<T>(exec, plan, tokens), exchanges_.out.forward);
  return split_grouped<T>(exec, plan, gather_etp<T>(exec, mesh_, plan, received, exchanges_.etp_out.forward));
}

template <class T>
WeightedRows<T> RowDispatcher<T>::dispatch_backward(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& d_rows) {
  if (rows_stay()) return sum_weighted<T>(exec, plan, d_rows);
  auto const received = scatter_etp<T>(exec, mesh_, plan, join_arrived<T>(exec, plan, d_rows), exchanges_.etp_back.backward);
  return sum_joined<T>(exec, plan, send_back(exec, plan.rows, received, exchanges_.back.backward));
}

template <class T>
Matrix<T> RowDispatcher<T>::combine(ExecSpace const& exec, Plan const& plan, Matrix<T> const& rows) {
  auto const received = scatter_etp<T>(exec, mesh_, plan, ungrouped<T>(exec, plan, rows), exchanges_.etp_back.forward);
  return sum_copies<T>(exec, plan, send_back(exec, plan.rows, received, exchanges_.back.forward));
}

template <class T>
Matrix<T> RowDispatcher<T>::combine_backward(ExecSpace const& exec, Plan const& plan, Matrix<T> const& d_tokens) {
  auto const received = send(exec, plan.rows, copy_tokens<T>(exec, plan, d_tokens), exchanges_.out.backward);
  return grouped<T>(exec, plan, gather_etp<T>(exec, mesh_, plan, received, exchanges_.etp_out.backward));
}

template class RowDispatcher<double>;
template class RowDispatcher<float>;

}  // namespace moescope

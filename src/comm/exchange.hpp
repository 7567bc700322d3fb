#pragma once
#include <memory>
#include <span>
#include <vector>

#include "base/views.hpp"
#include "comm/mesh.hpp"

namespace moescope {

/// A started exchange. wait() completes it and appends it to the ledger, on every rank; the destructor waits for one that was
/// dropped. It holds the Views given to it, which nobody may touch until then.
class [[nodiscard]] Exchange {
 public:
  /// What is left to do.
  class Pending {
   public:
    virtual ~Pending() = default;
    virtual void finish() = 0;
  };

  Exchange() = default;
  explicit Exchange(std::unique_ptr<Pending> pending) : pending_(std::move(pending)) {}
  Exchange(Exchange&&) noexcept = default;
  /// Waits for the one that it was.
  Exchange& operator=(Exchange&& other) noexcept;
  /// What goes wrong in the wait ends the job. While an error unwinds there is no wait, as other ranks may never come: the
  /// Views are left to MPI for the rest of the process.
  ~Exchange();
  /// Nothing, the second time.
  void wait();

 private:
  std::unique_ptr<Pending> pending_;
};

enum class Reduction { sum, max };

/// All functions: collective over the group of the exchange's axis; fence `exec` once before sending; open
/// Region(Phase::communication); a group of size 1 copies or does nothing, outside that region, and is not ledgered. A View
/// that owns no memory, an exchange of another operation, or one that this configuration does not execute is a programmer's
/// error. Rows that move are checked against MPI's int before the call (UserError); what is added, elements of basic types,
/// goes in pieces of mesh.reduction_bytes(): one exchange, as many calls.
/// Sums run in the reducing type of T, never lower than float, in an order that MPI chooses from the group's and the
/// buffer's size alone: every rank of the group receives the same bits, and so does every repetition.
/// The moving exchanges are non-blocking MPI calls, complete in wait(). The reducing ones complete in start: with Open
/// MPI 4.1 MPI_Iallreduce takes 1.6 times as long as MPI_Allreduce (1 MB, 2 ranks), and nothing progresses it meanwhile.
/// Phased mode completes all of them in start.

/// In place.
template <class T>
Exchange start_all_reduce(ExecSpace const& exec, Mesh& mesh, ExchangeId const& id, Reduction reduction, Vector<T> values);
template <class T>
Exchange start_all_reduce(ExecSpace const& exec, Mesh& mesh, ExchangeId const& id, Reduction reduction, Matrix<T> values);

/// all [sum(rows), W] = the members' own [rows[i], W] in group order. rows [members].
template <class T>
Exchange start_all_gather(ExecSpace const& exec, Mesh& mesh, ExchangeId const& id, ConstMatrix<T> own,
                          std::vector<std::int64_t> const& rows, Matrix<T> all);

/// own [rows[me], W] = sum over members of their `all` restricted to my rows.
template <class T>
Exchange start_reduce_scatter(ExecSpace const& exec, Mesh& mesh, ExchangeId const& id, ConstMatrix<T> all,
                              std::vector<std::int64_t> const& rows, Matrix<T> own);

/// send [sum(send_rows), W] grouped by destination, receive [sum(receive_rows), W] grouped by source, both in group order.
/// My own part is copied on the device, not sent.
template <class T>
Exchange start_all_to_all(ExecSpace const& exec, Mesh& mesh, ExchangeId const& id, ConstMatrix<T> send,
                          std::vector<std::int64_t> const& send_rows, Matrix<T> receive,
                          std::vector<std::int64_t> const& receive_rows);

/// Ledgered host exchanges of control data, complete on return. table [members, own.size()] in group order.
std::vector<std::int64_t> all_gather_control(Mesh& mesh, ExchangeId const& id, std::vector<std::int64_t> const& own);
/// The members' own [counts[i]], concatenated in group order.
std::vector<double> all_gather_control(Mesh& mesh, ExchangeId const& id, std::span<double const> own,
                                       std::vector<std::int64_t> const& counts);
/// Sum in place, equal on every rank.
void all_reduce_control(Mesh& mesh, ExchangeId const& id, std::span<double> values);

}  // namespace moescope

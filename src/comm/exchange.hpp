#pragma once
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/views.hpp"
#include "comm/mesh.hpp"

namespace moescope {

/// A started exchange. wait() completes it and appends it to the ledger; it must be called exactly once, on every rank.
/// The buffers stay alive and untouched until then.
class [[nodiscard]] Exchange {
 public:
  Exchange() = default;
  explicit Exchange(std::function<void()> finish) : finish_(std::move(finish)) {}
  void wait() {
    if (finish_) finish_();
    finish_ = nullptr;
  }

 private:
  std::function<void()> finish_;
};

enum class Reduction { sum, max };

/// All functions: collective over mesh.group(axis); fence `exec` once before sending; open Region(Phase::communication);
/// a group of size 1 copies or does nothing, outside that region, and is not ledgered. Counts are checked against MPI's int
/// before the call (UserError): rows where rows move, elements where they are added, since MPI adds basic types only.
/// Sums run in the reducing type of T, never lower than float, in an order that MPI chooses from the group's and the
/// buffer's size alone: every rank of the group receives the same bits, and so does every repetition.
/// The moving exchanges are non-blocking MPI calls, complete in wait(). The reducing ones complete in start: with Open
/// MPI 4.1 MPI_Iallreduce takes 1.6 times as long as MPI_Allreduce (1 MB, 2 ranks), and nothing progresses it meanwhile.
/// Phased mode completes all of them in start.

/// In place.
template <class T>
Exchange start_all_reduce(ExecSpace const& exec, Mesh& mesh, Axis axis, std::string_view name, Reduction reduction,
                          Vector<T> values);

/// all [sum(rows), W] = the members' own [rows[i], W] in group order. rows [size(axis)].
template <class T>
Exchange start_all_gather(ExecSpace const& exec, Mesh& mesh, Axis axis, std::string_view name, ConstMatrix<T> own,
                          std::vector<std::int64_t> const& rows, Matrix<T> all);

/// own [rows[me], W] = sum over members of their `all` restricted to my rows.
template <class T>
Exchange start_reduce_scatter(ExecSpace const& exec, Mesh& mesh, Axis axis, std::string_view name, ConstMatrix<T> all,
                              std::vector<std::int64_t> const& rows, Matrix<T> own);

/// send [sum(send_rows), W] grouped by destination, receive [sum(receive_rows), W] grouped by source, both in group order.
/// My own part is copied on the device, not sent.
template <class T>
Exchange start_all_to_all(ExecSpace const& exec, Mesh& mesh, Axis axis, std::string_view name, ConstMatrix<T> send,
                          std::vector<std::int64_t> const& send_rows, Matrix<T> receive,
                          std::vector<std::int64_t> const& receive_rows);

/// Ledgered host exchanges of control data, complete on return. table [size(axis), own.size()] in group order.
std::vector<std::int64_t> all_gather_control(Mesh& mesh, Axis axis, std::string_view name, std::vector<std::int64_t> const& own);
/// The members' own [counts[i]], concatenated in group order.
std::vector<double> all_gather_control(Mesh& mesh, Axis axis, std::string_view name, std::span<double const> own,
                                       std::vector<std::int64_t> const& counts);
/// Sum in place, equal on every rank.
void all_reduce_control(Mesh& mesh, Axis axis, std::string_view name, std::span<double> values);

}  // namespace moescope

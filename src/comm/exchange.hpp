#pragma once
#include <functional>
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
/// a group of size 1 copies or does nothing and is not ledgered. Element counts are checked against MPI's int before the
/// call; rows are an MPI datatype, so that counts count rows. Sums run in the reducing type of T, never lower than float.
/// Every rank of the group receives the same bits.

/// In place.
template <class T>
Exchange start_all_reduce(ExecSpace const& exec, Mesh& mesh, Axis axis, std::string_view name, Reduction reduction,
                          Vector<T> values);

/// all [sum(rows), W] = the members' own [rows[i], W] in group order. rows [size(axis)].
template <class T>
Exchange start_all_gather(ExecSpace const& exec, Mesh& mesh, Axis axis, std::string_view name, ConstMatrix<T> own,
                          std::vector<std::int64_t> const& rows, Matrix<T> all);

/// own [rows[me], W] = sum over members, in group order, of their `all` restricted to my rows.
template <class T>
Exchange start_reduce_scatter(ExecSpace const& exec, Mesh& mesh, Axis axis, std::string_view name, ConstMatrix<T> all,
                              std::vector<std::int64_t> const& rows, Matrix<T> own);

/// send [sum(send_rows), W] grouped by destination, receive [sum(receive_rows), W] grouped by source, both in group order.
/// My own part is copied on the device, not sent.
template <class T>
Exchange start_all_to_all(ExecSpace const& exec, Mesh& mesh, Axis axis, std::string_view name, ConstMatrix<T> send,
                          std::vector<std::int64_t> const& send_rows, Matrix<T> receive,
                          std::vector<std::int64_t> const& receive_rows);

/// Ledgered host exchanges of control data. table [size(axis), own.size()] in group order.
std::vector<std::int64_t> all_gather_control(Mesh& mesh, Axis axis, std::string_view name, std::vector<std::int64_t> const& own);
/// Sum in group order, equal on every rank.
void all_reduce_control(Mesh& mesh, Axis axis, std::string_view name, std::span<double> values);

}  // namespace moescope

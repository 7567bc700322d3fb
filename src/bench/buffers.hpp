#pragma once
#include <numeric>
#include <vector>

#include "bench/known_values.hpp"
#include "bench/message.hpp"
#include "comm/exchange.hpp"

namespace moescope::bench {

inline std::int64_t first_of(std::vector<std::int64_t> const& parts, std::int64_t member) {
  return std::accumulate(parts.begin(), parts.begin() + member, std::int64_t(0));
}

/// What this rank sends and receives of one message; rows of one element.
template <class T>
class Buffers {
  using enum traffic::Operation;

 public:
  Buffers(Message const& message, std::int64_t me) : message_(message), me_(me), own_(message.parts[std::size_t(me)]) {
    auto const of = message.operation;
    from_me_ = message.parts, to_me_.assign(message.parts.size(), own_);
    send_ = make_matrix<T>("bench::send", of == all_gather ? own_ : message.elements, 1);
    receive_ = send_;
    if (of == all_gather) receive_ = make_matrix<T>("bench::receive", message.elements, 1);
    if (of == reduce_scatter) receive_ = make_matrix<T>("bench::receive", own_, 1);
    if (of == all_to_all) receive_ = make_matrix<T>("bench::receive", own_ * message.members(), 1);
  }

  void fill() {
    if (message_.operation != all_reduce) fill_unknown<T>(exec_, receive_);
    fill_known<T>(exec_, send_, me_);
    exec_.fence("bench::filled");
  }

  Exchange start(Mesh& mesh, ExchangeId const& id) {
    auto const of = message_.operation;
    if (of == all_reduce) return start_all_reduce<T>(exec_, mesh, id, Reduction::sum, receive_);
    if (of == all_gather) return start_all_gather<T>(exec_, mesh, id, send_, from_me_, receive_);
    if (of == reduce_scatter) return start_reduce_scatter<T>(exec_, mesh, id, send_, from_me_, receive_);
    return start_all_to_all<T>(exec_, mesh, id, send_, from_me_, receive_, to_me_);
  }

  void exchange(Mesh& mesh, ExchangeId const& id) {
    start(mesh, id).wait();
    exec_.fence("bench::exchanged");
  }

  std::int64_t wrong() const {
    bool const reduced = message_.operation == all_reduce || message_.operation == reduce_scatter;
    return reduced ? wrong_sums() : wrong_blocks();
  }

 private:
  std::int64_t wrong_sums() const {
    std::int64_t of_members = 0;
    for (std::int64_t member = 0; member < message_.members(); ++member) of_members += value_of_member(member);
    auto const first = message_.operation == all_reduce ? 0 : first_of(message_.parts, me_);
    return count_wrong<T>(exec_, receive_, {first, message_.members(), of_members});
  }

  /// One block from each member: all_gather all that it has, all_to_all what it has for this one.
  std::int64_t wrong_blocks() const {
    bool const gathered = message_.operation == all_gather;
    auto const& blocks = gathered ? from_me_ : to_me_;
    auto const first = gathered ? 0 : first_of(message_.parts, me_);
    std::int64_t wrong = 0, begin = 0;
    for (std::int64_t member = 0; member < message_.members(); ++member) {
      auto const end = begin + blocks[std::size_t(member)];
      wrong += count_wrong<T>(exec_, rows(receive_, begin, end), {first, 1, value_of_member(member)});
      begin = end;
    }
    return wrong;
  }

  ExecSpace exec_;
  Message message_;
  std::int64_t me_, own_;
  std::vector<std::int64_t> from_me_, to_me_;
  Matrix<T> send_, receive_;
};

}  // namespace moescope::bench

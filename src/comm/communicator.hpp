#pragma once
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace moescope {

/// MPI for the life of the process (MPI_Init_thread; MULTIPLE where the library has it, for the watchdog, at least FUNNELED).
/// Destroyed last, after Kokkos.
class Session {
 public:
  Session(int& argc, char**& argv);
  ~Session();
  Session(Session const&) = delete;
  Session& operator=(Session const&) = delete;
};

/// Ends the whole job at once; for failures that only one rank knows of.
[[noreturn]] void abort_job(int exit_code);
std::string mpi_library();

/// An error that every rank of a communicator throws alike, so that one of them can print it and all can leave in order.
class AgreedError : public UserError {
 public:
  using UserError::UserError;
};

/// Who shares a communicator.
struct Group {
  std::int64_t id = 0;  ///< of the communicator it was split from and which split of that; the same on every member
  std::string name;
  std::vector<int> ranks;  ///< of the members in the world, in the communicator's order
};

/// A duplicated MPI communicator; copies share it. Calls are collective over it unless stated. MPI error codes become
/// text with rank and call and end the job.
class Communicator {
 public:
  static Communicator world();
  /// Ranks with equal color form one communicator, ordered by key; `name` appears in error messages.
  Communicator split(int color, int key, std::string const& name = "split") const;

  int rank() const;
  int size() const;
  Group const& group() const;
  void barrier() const;

  // Host exchanges for set-up and record (not ledgered unless stated by the caller).
  void broadcast(std::vector<char>& bytes, int root) const;
  /// Concatenation in rank order on root, empty elsewhere; `counts` receives each rank's length on root.
  std::vector<std::int64_t> gather(std::span<std::int64_t const> values, int root,
                                   std::vector<std::int64_t>* counts = nullptr) const;
  std::vector<double> gather(std::span<double const> values, int root, std::vector<std::int64_t>* counts = nullptr) const;
  std::vector<std::string> gather(std::string const& text, int root) const;
  double max(double value) const;  ///< NaN if any is
  double sum(double value) const;  ///< in rank order, equal on every rank
  std::int64_t sum(std::int64_t value) const;
  /// Elementwise, equal on every rank; as many on each. Nothing is sent where there are none.
  std::vector<std::int64_t> sum(std::vector<std::int64_t> values) const;

  /// Every rank passes its error or null. If any has one, every rank throws AgreedError with the lowest such rank's
  /// message (prefixed "rank N: " when the ranks disagree); otherwise returns.
  void agree(std::exception_ptr error) const;

  /// Address of the MPI_Comm, for `comm` alone (type-erased so that <mpi.h> stays inside).
  void* handle() const;

 private:
  struct Handle;
  explicit Communicator(std::shared_ptr<Handle> handle) : handle_(std::move(handle)) {}
  std::shared_ptr<Handle> handle_;
};

/// Runs `action` on every rank and agrees on its outcome: all go on, or all throw the same AgreedError.
template <class Action>
void agreed(Communicator const& communicator, Action&& action) {
  std::exception_ptr error;
  try {
    action();
  } catch (...) {
    error = std::current_exception();
  }
  communicator.agree(error);
}

}  // namespace moescope

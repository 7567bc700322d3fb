#include "comm/communicator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.hpp"
#include "comm/detail/mpi_call.hpp"
#include "comm/detail/whereabouts.hpp"

namespace moescope {

using mpi::check;

namespace {

std::vector<int> ranks_in_world(MPI_Comm comm, int size) {
  std::vector<int> members(std::size_t(size), 0), ranks(std::size_t(size), 0);
  std::iota(members.begin(), members.end(), 0);
  MPI_Group own = MPI_GROUP_NULL, all = MPI_GROUP_NULL;
  check(MPI_Comm_group(comm, &own), "MPI_Comm_group", comm);
  check(MPI_Comm_group(MPI_COMM_WORLD, &all), "MPI_Comm_group", MPI_COMM_WORLD);
  check(MPI_Group_translate_ranks(own, size, members.data(), all, ranks.data()), "MPI_Group_translate_ranks", comm);
  MPI_Group_free(&own);
  MPI_Group_free(&all);
  return ranks;
}

}  // namespace

struct Communicator::Handle {
  MPI_Comm comm;
  int rank = 0, size = 0;
  Group group;
  std::int64_t splits = 0;

  Handle(MPI_Comm owned, std::int64_t id, std::string const& name) : comm(owned) {
    MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
    MPI_Comm_set_name(comm, name.c_str());
    check(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank", comm);
    check(MPI_Comm_size(comm, &size), "MPI_Comm_size", comm);
    group = {id, name, ranks_in_world(comm, size)};
  }
  /// Not freed while an error unwinds: freeing is collective, and the other ranks may know of no error.
  ~Handle() {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (!finalized && std::uncaught_exceptions() == 0) MPI_Comm_free(&comm);
  }
  Handle(Handle const&) = delete;
  Handle& operator=(Handle const&) = delete;
};

namespace {

/// `call` is a collective MPI function on the communicator it is given; a rank that waits in it can be asked where it is.
template <class Function>
void collective(Communicator const& communicator, char const* function, Function&& call) {
  mpi::Waiting const waiting(communicator, function);
  auto const comm = mpi::handle(communicator);
  check(call(comm), function, comm);
}

template <class T>
std::vector<T> all_gather_one(T value, Communicator const& communicator) {
  std::vector<T> all(std::size_t(communicator.size()), T{});
  auto const type = mpi::moving_type<T>();
  collective(communicator, "MPI_Allgather",
             [&](MPI_Comm comm) { return MPI_Allgather(&value, 1, type, all.data(), 1, type, comm); });
  return all;
}

std::int64_t reduce_one(std::int64_t value, MPI_Op op, Communicator const& communicator) {
  collective(communicator, "MPI_Allreduce",
             [&](MPI_Comm comm) { return MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT64_T, op, comm); });
  return value;
}

constexpr std::string_view gather_advice = "use fewer ranks or a smaller model";

/// Lengths and their running sum on root, both empty elsewhere.
struct GatherShape {
  std::vector<int> counts, displacements;
  std::int64_t total = 0;
};

GatherShape gather_shape(std::int64_t length, Communicator const& communicator, int root) {
  bool const here = communicator.rank() == root;
  std::vector<std::int64_t> lengths(here ? std::size_t(communicator.size()) : 0);
  auto const type = mpi::moving_type<std::int64_t>();
  collective(communicator, "MPI_Gather",
             [&](MPI_Comm comm) { return MPI_Gather(&length, 1, type, lengths.data(), 1, type, root, comm); });
  GatherShape shape;
  for (auto const n : lengths) {
    shape.counts.push_back(mpi::count(n, "elements", "gather", gather_advice));
    shape.displacements.push_back(mpi::count(shape.total, "elements", "gather", gather_advice));
    shape.total += n;
  }
  return shape;
}

template <class T>
std::vector<T> gather_values(std::span<T const> values, Communicator const& communicator, int root, GatherShape const& shape) {
  auto const type = mpi::moving_type<T>();
  std::vector<T> all(std::size_t(shape.total), T{});
  auto const own = mpi::count(std::int64_t(values.size()), "elements", "gather", gather_advice);
  collective(communicator, "MPI_Gatherv", [&](MPI_Comm comm) {
    return MPI_Gatherv(values.data(), own, type, all.data(), shape.counts.data(), shape.displacements.data(), type, root, comm);
  });
  return all;
}

template <class T>
std::vector<T> gather_counted(std::span<T const> values, Communicator const& communicator, int root,
                              std::vector<std::int64_t>* counts) {
  auto const shape = gather_shape(std::int64_t(values.size()), communicator, root);
  if (counts) counts->assign(shape.counts.begin(), shape.counts.end());
  return gather_values(values, communicator, root, shape);
}

std::string message_of(std::exception_ptr const& error) {
  try {
    std::rethrow_exception(error);
  } catch (std::exception const& exception) {
    return sentence_of(exception);
  } catch (...) {
    return "an error of unknown type";
  }
}

}  // namespace

Communicator Communicator::world() {
  MPI_Comm copy = MPI_COMM_NULL;
  check(MPI_Comm_dup(MPI_COMM_WORLD, &copy), "MPI_Comm_dup", MPI_COMM_WORLD);
  static std::int64_t worlds = 0;
  return Communicator(std::make_shared<Handle>(copy, ++worlds, "world"));
}

Communicator Communicator::split(int color, int key, std::string const& name) const {
  MPI_Comm part = MPI_COMM_NULL;
  collective(*this, "MPI_Comm_split", [&](MPI_Comm comm) { return MPI_Comm_split(comm, color, key, &part); });
  return Communicator(std::make_shared<Handle>(part, handle_->group.id * 1000 + ++handle_->splits, name));
}

int Communicator::rank() const { return handle_->rank; }
int Communicator::size() const { return handle_->size; }
void* Communicator::handle() const { return &handle_->comm; }
Group const& Communicator::group() const { return handle_->group; }
void Communicator::barrier() const { collective(*this, "MPI_Barrier", MPI_Barrier); }

void Communicator::broadcast(std::vector<char>& bytes, int root) const {
  auto length = std::int64_t(bytes.size());
  collective(*this, "MPI_Bcast", [&](MPI_Comm comm) { return MPI_Bcast(&length, 1, MPI_INT64_T, root, comm); });
  bytes.resize(std::size_t(length));
  constexpr std::int64_t piece = std::numeric_limits<int>::max();
  for (std::int64_t begin = 0; begin < length; begin += piece) {
    auto const count = int(std::min(piece, length - begin));
    collective(*this, "MPI_Bcast", [&](MPI_Comm comm) { return MPI_Bcast(bytes.data() + begin, count, MPI_CHAR, root, comm); });
  }
}

std::vector<std::int64_t> Communicator::gather(std::span<std::int64_t const> values, int root,
                                               std::vector<std::int64_t>* counts) const {
  return gather_counted(values, *this, root, counts);
}

std::vector<double> Communicator::gather(std::span<double const> values, int root, std::vector<std::int64_t>* counts) const {
  return gather_counted(values, *this, root, counts);
}

std::vector<std::string> Communicator::gather(std::string const& text, int root) const {
  auto const shape = gather_shape(std::int64_t(text.size()), *this, root);
  auto const joined = gather_values<char>(text, *this, root, shape);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < shape.counts.size(); ++i) {
    texts.emplace_back(joined.data() + shape.displacements[i], std::size_t(shape.counts[i]));
  }
  return texts;
}

double Communicator::max(double value) const {
  auto const values = all_gather_one(value, *this);
  auto const larger = [](double a, double b) { return std::isnan(a) || a > b ? a : b; };
  return std::accumulate(values.begin() + 1, values.end(), values.front(), larger);
}

double Communicator::sum(double value) const {
  auto const values = all_gather_one(value, *this);
  return std::accumulate(values.begin(), values.end(), 0.0);
}

std::int64_t Communicator::sum(std::int64_t value) const { return reduce_one(value, MPI_SUM, *this); }

std::vector<std::int64_t> Communicator::sum(std::vector<std::int64_t> values) const {
  if (values.empty()) return values;
  auto const count = mpi::count(std::int64_t(values.size()), "numbers", "sum", gather_advice);
  auto const type = mpi::reducing_type<std::int64_t>();
  collective(*this, "MPI_Allreduce",
             [&](MPI_Comm comm) { return MPI_Allreduce(MPI_IN_PLACE, values.data(), count, type, MPI_SUM, comm); });
  return values;
}

void Communicator::agree(std::exception_ptr error) const {
  auto const lowest = reduce_one(error ? rank() : size(), MPI_MIN, *this);
  if (lowest == size()) return;
  auto const own = error ? message_of(error) : std::string();
  std::vector<char> bytes(own.begin(), own.end());
  broadcast(bytes, int(lowest));
  std::string const message(bytes.begin(), bytes.end());
  bool const unanimous = reduce_one(error && own == message, MPI_MIN, *this) == 1;
  throw AgreedError(unanimous ? message : "rank " + std::to_string(lowest) + ": " + message);
}

}  // namespace moescope

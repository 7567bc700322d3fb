#include "comm/watchdog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <condition_variable>
#include <cstdio>
#include <list>
#include <map>
#include <new>
#include <thread>

#include "base/region.hpp"
#include "comm/detail/mpi_call.hpp"
#include "comm/detail/whereabouts.hpp"

namespace moescope {

using mpi::check;
using mpi::Wait;

namespace {

struct Question {
  std::int64_t serial;  ///< copied into the answer
  std::int64_t group;
  int may_report;  ///< only rank 0 is asked: may the asker speak for all?
};
struct Answer {
  std::int64_t serial, arrived;
  double seconds;
  int inside, may_report;
  std::array<char, 64> exchange;
};
constexpr int question_tag = 1, answer_tag = 2;

/// What one overdue rank has asked about its wait and what it has been told.
struct Inquiry {
  Wait wait;
  std::int64_t serial = 0;
  double asked = 0, asked_to_report = 0;
  std::map<int, Answer> answers;  ///< by rank
  bool may_report = false;

  bool absent(int rank) const {
    auto const found = answers.find(rank);
    return found == answers.end() || found->second.arrived < wait.place;
  }
  bool waits_along(int rank) const { return !absent(rank) && answers.at(rank).inside && answers.at(rank).arrived == wait.place; }
  bool waits_elsewhere(int rank) const { return answers.contains(rank) && absent(rank) && answers.at(rank).inside; }
};

std::string listed(std::vector<int> const& ranks) {
  constexpr std::size_t most = 16;
  auto const shown = std::min(most, ranks.size());
  auto text = fmt::format("{} {}", ranks.size() == 1 ? "rank" : "ranks",
                          fmt::join(ranks.begin(), ranks.begin() + std::ptrdiff_t(shown), ", "));
  return shown == ranks.size() ? text : text + fmt::format(" and {} more", ranks.size() - shown);
}

std::string doing(Inquiry const& inquiry, int rank) {
  auto const found = inquiry.answers.find(rank);
  if (found == inquiry.answers.end()) return fmt::format("rank {} does not answer: stopped, or its machine is gone", rank);
  auto const& answer = found->second;
  std::string const exchange = answer.exchange.data();
  if (exchange.empty()) return fmt::format("rank {} has been in no exchange yet", rank);
  return fmt::format("rank {} {} {} {:.0f} s ago", rank, answer.inside ? "went into" : "left", exchange, answer.seconds);
}

std::string sentence(Inquiry const& inquiry, std::vector<int> const& absentees, bool could_ask) {
  auto const& wait = inquiry.wait;
  auto text = fmt::format("stalled: {} of group {} ({}) has lasted {:.0f} s, longer than train.watchdog_seconds allows; ",
                          wait.exchange, wait.group.name, listed(wait.group.ranks), now() - wait.since);
  if (!could_ask) return text + "who has not reached it is unknown, since this MPI library has no MPI_THREAD_MULTIPLE";
  if (absentees.empty()) return text + "all of them have reached it, so MPI or the network is at fault";
  text += fmt::format("{} {} not reached it", listed(absentees), absentees.size() == 1 ? "has" : "have");
  for (std::size_t i = 0; i < std::min<std::size_t>(4, absentees.size()); ++i) text += "; " + doing(inquiry, absentees[i]);
  return text;
}

}  // namespace

class Watchdog::Watch {
 public:
  Watch(Communicator const& world, double limit)
      : channel_(world.split(0, world.rank(), "watchdog")), limit_(limit), answer_time_(std::min(2.0, limit)) {
    int provided = MPI_THREAD_SINGLE;
    MPI_Query_thread(&provided);
    can_ask_ = provided >= MPI_THREAD_MULTIPLE;
    thread_ = std::thread([this] { watch(); });
  }
  ~Watch() {
    {
      std::scoped_lock const lock(mutex_);
      ends_ = true;
    }
    wake_.notify_one();
    thread_.join();
    // MPI may still read what a stopped rank has not taken.
    if (!sent_.empty()) new (std::nothrow) std::list<Sent>(std::move(sent_));
  }

 private:
  struct Sent {
    std::array<char, std::max(sizeof(Question), sizeof(Answer))> bytes;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  void watch() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, std::chrono::duration<double>(std::min(0.2, limit_ / 8)), [&] { return ends_; })) {
      if (can_ask_) answer_questions();
      look();
    }
  }

  /// The lowest member of a group asks first; each later half of the others only where the earlier ones did not end the job.
  double patience(Wait const& wait) const {
    auto const& ranks = wait.group.ranks;
    auto const position = unsigned(std::find(ranks.begin(), ranks.end(), channel_.rank()) - ranks.begin());
    return limit_ + answer_time_ * (std::bit_width(position + 1) - 1);
  }

  void look() {
    auto const wait = mpi::whereabouts().waiting(limit_);
    if (!wait || now() - wait->since < patience(*wait)) return inquiry_.reset();
    if (!inquiry_ || inquiry_->wait.since != wait->since) begin(*wait);
    if (!can_ask_) end({});
    collect();
    bool const all = inquiry_->answers.size() + 1 == wait->group.ranks.size();
    if (all || now() - inquiry_->asked > answer_time_) judge();
  }

  void begin(Wait const& wait) {
    inquiry_.emplace(Inquiry{wait, ++serial_, now(), 0, {}, false});
    if (!can_ask_) return;
    for (auto const rank : wait.group.ranks)
      if (rank != channel_.rank()) send(rank, question_tag, Question{serial_, wait.group.id, false});
  }

  /// Ends the job, unless somebody else is better placed to.
  void judge() {
    auto const& ranks = inquiry_->wait.group.ranks;
    std::vector<int> absentees;
    for (auto const rank : ranks) {
      if (rank == channel_.rank()) continue;
      if (absentees.empty() && inquiry_->waits_along(rank) && position(rank) < position(channel_.rank())) return;
      if (inquiry_->absent(rank)) absentees.push_back(rank);
    }
    auto const waits_elsewhere = [&](int rank) { return inquiry_->waits_elsewhere(rank); };
    bool const elsewhere = std::any_of(absentees.begin(), absentees.end(), waits_elsewhere);
    if (elsewhere && now() - inquiry_->asked < 4 * answer_time_) return;  // the exchange that they wait in is to be named
    if (may_report()) end(absentees);
  }

  std::ptrdiff_t position(int rank) const {
    auto const& ranks = inquiry_->wait.group.ranks;
    return std::find(ranks.begin(), ranks.end(), rank) - ranks.begin();
  }

  /// Rank 0 lets one rank speak; where it does not answer, anyone may in the end.
  bool may_report() {
    if (channel_.rank() == 0) return grant(0);
    auto& asked = inquiry_->asked_to_report;
    if (asked == 0) {
      asked = now();
      send(0, question_tag, Question{serial_, inquiry_->wait.group.id, true});
    }
    return inquiry_->may_report || now() - asked > 2 * answer_time_;
  }

  bool grant(int rank) {
    if (speaker_ < 0) speaker_ = rank;
    return speaker_ == rank;
  }

  [[noreturn]] void end(std::vector<int> const& absentees) {
    std::fprintf(stderr, "moescope: %s\n", sentence(*inquiry_, absentees, can_ask_).c_str());
    abort_job(1);
  }

  template <class Message>
  bool receive(int tag, Message& message, int& source) {
    int arrived = 0;
    MPI_Status status;
    auto const comm = mpi::handle(channel_);
    check(MPI_Iprobe(MPI_ANY_SOURCE, tag, comm, &arrived, &status), "MPI_Iprobe", comm);
    if (!arrived) return false;
    source = status.MPI_SOURCE;
    check(MPI_Recv(&message, int(sizeof(Message)), MPI_BYTE, source, tag, comm, MPI_STATUS_IGNORE), "MPI_Recv", comm);
    return true;
  }

  /// Never waits: the receiver may be stopped.
  template <class Message>
  void send(int rank, int tag, Message const& message) {
    auto const comm = mpi::handle(channel_);
    auto& sent = sent_.emplace_back();
    std::copy_n(reinterpret_cast<char const*>(&message), sizeof(Message), sent.bytes.begin());
    check(MPI_Isend(sent.bytes.data(), int(sizeof(Message)), MPI_BYTE, rank, tag, comm, &sent.request), "MPI_Isend", comm);
  }

  void answer_questions() {
    Question question{};
    for (int source = 0; receive(question_tag, question, source);) {
      auto const last = mpi::whereabouts().last();
      Answer answer{question.serial, mpi::whereabouts().arrived(question.group), last.seconds, last.inside, 0, {}};
      if (question.may_report) answer.may_report = grant(source);
      last.exchange.copy(answer.exchange.data(), answer.exchange.size() - 1);
      send(source, answer_tag, answer);
    }
    sent_.remove_if([](Sent& sent) {
      int done = 0;
      MPI_Test(&sent.request, &done, MPI_STATUS_IGNORE);
      return done != 0;
    });
  }

  void collect() {
    Answer answer{};
    for (int source = 0; receive(answer_tag, answer, source);) {
      if (answer.serial != inquiry_->serial) continue;
      if (answer.may_report) inquiry_->may_report = true;
      if (inquiry_->asked_to_report == 0) inquiry_->answers[source] = answer;
    }
  }

  Communicator channel_;
  double limit_, answer_time_;
  bool can_ask_ = false, ends_ = false;
  int speaker_ = -1;  ///< on rank 0: the rank that may report
  std::int64_t serial_ = 0;
  std::optional<Inquiry> inquiry_;
  std::list<Sent> sent_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

Watchdog::Watchdog(Communicator const& world, double seconds) {
  if (seconds > 0 && world.size() > 1) watch_ = std::make_unique<Watch>(world, seconds);
}
Watchdog::~Watchdog() = default;

}  // namespace moescope

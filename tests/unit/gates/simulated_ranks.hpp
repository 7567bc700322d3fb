#pragma once
#include <functional>
#include <numeric>
#include <span>
#include <stdexcept>
#include <vector>

#include "gates/pool.hpp"

namespace moescope::test {

/// Several ranks in one thread. A rank runs until it needs what the others have not contributed yet, and starts again in
/// the next round; gates are pure, so it repeats itself up to there. Ranks that disagree on the calls are an error.
class SimulatedRanks {
 public:
  /// Rank r owns the runs of tokens tokens[r].
  explicit SimulatedRanks(std::vector<std::vector<Range>> tokens) : num_ranks_(tokens.size()), tokens_(std::move(tokens)) {}

  /// In the last round every rank runs to its end, in rank order.
  void run(std::function<void(std::size_t rank, PoolExchange&)> const& rank_main) {
    for (;;) {
      std::size_t finished = 0;
      for (std::size_t rank = 0; rank < num_ranks_; ++rank) {
        Port port(*this, rank);
        try {
          rank_main(rank, port);
          ++finished;
        } catch (Waiting const&) {
        }
      }
      if (finished == num_ranks_) return;
      if (finished > 0) throw std::logic_error("some ranks finished while others wait in an exchange");
    }
  }

  std::size_t num_sums() const { return count(0); }
  std::size_t num_gathers() const { return calls_.size() - count(0); }

 private:
  struct Waiting {};
  struct Call {
    std::int64_t width;  ///< 0: sum
    std::vector<std::vector<double>> contributions;
  };

  class Port final : public PoolExchange {
   public:
    Port(SimulatedRanks& ranks, std::size_t rank) : ranks_(ranks), rank_(rank) {}
    void sum(std::span<double> values) override {
      auto const& all = ranks_.join(rank_, next_++, 0, values).contributions;
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = 0;
        for (auto const& part : all) values[i] += part.at(i);
      }
    }
    std::vector<double> gather(std::span<double const> rows, std::int64_t width) override {
      std::vector<double> all;
      for (auto const& part : ranks_.join(rank_, next_++, width, rows).contributions)
        all.insert(all.end(), part.begin(), part.end());
      return in_token_order(all, ranks_.tokens_, width);
    }

   private:
    SimulatedRanks& ranks_;
    std::size_t rank_, next_ = 0;
  };

  Call const& join(std::size_t rank, std::size_t index, std::int64_t width, std::span<double const> values) {
    if (index == calls_.size()) calls_.push_back({width, {}});
    Call& call = calls_.at(index);
    if (call.width != width) throw std::logic_error("ranks make different exchanges");
    if (call.contributions.size() == num_ranks_) return call;
    if (call.contributions.size() != rank) throw std::logic_error("a rank skipped an exchange");
    call.contributions.emplace_back(values.begin(), values.end());
    throw Waiting{};
  }

  std::size_t count(std::int64_t width) const {
    return std::accumulate(calls_.begin(), calls_.end(), std::size_t(0),
                           [&](std::size_t n, Call const& call) { return n + (call.width == width); });
  }

  std::size_t num_ranks_;
  std::vector<std::vector<Range>> tokens_;
  std::vector<Call> calls_;
};

}  // namespace moescope::test

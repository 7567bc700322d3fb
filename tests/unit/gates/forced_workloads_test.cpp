// What each workload of forced routing is named after.
#include <cmath>
#include <set>

#include "gates/forced/counts_of_shares.hpp"
#include "gates/forced/permutation.hpp"
#include "unit/gates/forced_case.hpp"

using namespace moescope;
using namespace moescope::test;
using Counts = std::vector<std::int64_t>;

namespace {

double max_vio(Counts const& counts) {
  auto const mean = double(std::reduce(counts.begin(), counts.end())) / double(counts.size());
  return double(largest(counts)) / mean - 1;
}

Counts sorted(Counts counts) {
  std::sort(counts.begin(), counts.end(), std::greater<>());
  return counts;
}

}  // namespace

TEST_CASE("even: all choices dealt in turn, so every run of tokens is even up to one") {
  auto const config = forced_run("even", 8, 2, 3, 7);
  auto const routing = make_forced_routing(config);
  REQUIRE(chosen(*routing, config, 5, 1, 3, 6).expert == std::vector<int>{6, 7, 0, 1, 2, 3});
  for (std::int64_t begin = 0; begin < 21; ++begin)
    for (auto end = begin + 1; end <= 21; ++end) {
      auto const counts = chosen(*routing, config, 5, 1, begin, end).counts(8);
      REQUIRE(largest(counts) - smallest(counts) <= 1);
    }
}

TEST_CASE("even: exact by expert and by rank of experts, also where every rank's own choices are no multiple of the experts") {
  // 8 ranks with 6 tokens each: 12 choices, 8 experts on 4 ranks. Were each rank to start at expert 0, the first four experts
  // would have 16 choices and the others 8, and two of four ranks twice the rows of the others.
  auto const config = forced_run("even", 8, 2, 8, 6);
  auto const routing = make_forced_routing(config);
  Counts by_expert(8), by_rank(4);
  for (std::int64_t source = 0; source < 8; ++source) {
    auto const counts = chosen(*routing, config, 0, 0, source * 6, source * 6 + 6).counts(8);
    REQUIRE(largest(counts) - smallest(counts) <= 1);
    for (std::size_t e = 0; e < 8; ++e) by_expert[e] += counts[e], by_rank[e / 2] += counts[e];
  }
  REQUIRE(by_expert == Counts(8, 12));
  REQUIRE(by_rank == Counts(4, 24));
}

TEST_CASE("uniform: every expert and every pair of experts is as likely as another") {
  auto const config = forced_run("uniform", 6, 2, 20, 500);
  auto const all = chosen(*make_forced_routing(config), config);
  for (auto const count : all.counts(6)) REQUIRE(std::abs(double(count) - 20000.0 / 6) < 5 * std::sqrt(10000 * 2.0 / 9));
  Counts pairs(36);
  for (std::size_t t = 0; t < 10000; ++t) ++pairs[std::size_t(6 * all.expert[2 * t] + all.expert[2 * t + 1])];
  for (std::size_t first = 0; first < 6; ++first)
    for (std::size_t second = 0; second < 6; ++second)
      REQUIRE(std::abs(double(pairs[6 * first + second]) - (first == second ? 0 : 10000.0 / 30)) < 5 * std::sqrt(10000.0 / 30));
}

TEST_CASE("hot_set: so many experts have the stated share, evenly, and the others the rest, in each layer others") {
  auto config = forced_run("hot_set", 16, 2, 4, 200);
  config.routing.hot_experts = 3;
  config.routing.hot_share = 0.75;
  std::set<std::vector<std::size_t>> sets;
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    auto const counts = counts_of(config, 4, layer);
    REQUIRE(sorted(counts) == Counts{400, 400, 400, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 30, 30, 30});
    REQUIRE(counts_of(config, 9, layer) == counts);
    std::vector<std::size_t> hot;
    for (std::size_t e = 0; e < 16; ++e)
      if (counts[e] == 400) hot.push_back(e);
    sets.insert(hot);
  }
  REQUIRE(sets.size() == 3);
}

TEST_CASE("hot_rank: the stated share goes to one contiguous range of experts") {
  auto config = forced_run("hot_rank", 10, 2, 4, 200);
  config.routing.expert_ranges = 4;  // of 3, 3, 2 and 2 experts
  config.routing.hot_range = 2;
  config.routing.hot_share = 0.6;
  auto const counts = counts_of(config);
  REQUIRE(counts == Counts{80, 80, 80, 80, 80, 80, 480, 480, 80, 80});
}

TEST_CASE("zipf: the expert of rank r has a share in proportion to r^-exponent, none more than one choice of every token") {
  auto config = forced_run("zipf", 5, 1, 10, 100);
  config.routing.zipf_exponent = 1;
  REQUIRE(sorted(counts_of(config)) == Counts{438, 219, 146, 109, 88});  // 1000 / (1 + 1/2 + 1/3 + 1/4 + 1/5) = 437.96
  config.model.top_k = 2;
  config.routing.zipf_exponent = 2;  // 1366 of 2000 for the first, of which a thousand tokens can make 1000
  REQUIRE(sorted(counts_of(config)) == Counts{1000, 539, 240, 135, 86});
}

TEST_CASE("log_normal: the logarithms of shares have the stated spread") {
  auto config = forced_run("log_normal", 400, 1, 100, 10000);
  config.routing.log_normal_sigma = 0.8;
  auto const counts = counts_of(config);
  double mean = 0, variance = 0;
  for (auto const count : counts) mean += std::log(double(count)) / 400;
  for (auto const count : counts) variance += std::pow(std::log(double(count)) - mean, 2) / 399;
  REQUIRE(std::abs(std::sqrt(variance) - 0.8) < 5 * 0.8 / std::sqrt(2 * 399.0));  // standard error of a standard deviation
  REQUIRE(counts_of(config, 1) == counts);
}

TEST_CASE("max_vio: the target is met within 2 % of the mean count wherever that is at least 50") {
  struct Case {
    std::int64_t experts, top_k, tokens;
  };
  for (auto const& [experts, top_k, tokens] :
       {Case{8, 2, 200}, Case{64, 6, 540}, Case{64, 1, 3200}, Case{6, 5, 61}, Case{256, 8, 1600}})
    for (double const share : {0.0, 0.02, 0.1, 0.33, 0.7, 0.95, 1.0}) {
      auto config = forced_run("max_vio", experts, top_k, 1, tokens);
      config.routing.max_vio = share * (double(experts) / double(top_k) - 1);
      INFO("E " << experts << " k " << top_k << " target " << config.routing.max_vio);
      REQUIRE(std::abs(max_vio(counts_of(config, 2, 1)) - config.routing.max_vio) <= 0.02);
    }
}

TEST_CASE("rotating: the hot set moves on every so many steps, and passes every expert") {
  auto config = forced_run("rotating", 6, 1, 1, 60);
  config.routing.hot_experts = 2;
  config.routing.hot_share = 0.9;
  config.routing.rotate_every = 3;
  std::vector<Counts> of_step;
  for (std::int64_t step = 0; step < 12; ++step) of_step.push_back(counts_of(config, step));
  Counts sum(6);
  for (std::size_t move = 0; move < 4; ++move) {
    REQUIRE(sorted(of_step[3 * move]) == Counts{27, 27, 2, 2, 1, 1});
    REQUIRE(of_step[3 * move + 2] == of_step[3 * move]);
    if (move > 0) REQUIRE(of_step[3 * move] != of_step[3 * move - 1]);
    for (std::size_t e = 0; e < 6 && move < 3; ++e) sum[e] += of_step[3 * move][e] == 27;
  }
  REQUIRE(sum == Counts(6, 1));
  REQUIRE(of_step[9] == of_step[0]);
}

TEST_CASE("burst: even, but hot in the first steps of each period") {
  auto config = forced_run("burst", 4, 1, 1, 100);
  config.routing.hot_share = 0.7;
  config.routing.burst_period = 5;
  config.routing.burst_length = 2;
  for (std::int64_t step = 0; step < 15; ++step)
    REQUIRE(sorted(counts_of(config, step)) == (step % 5 < 2 ? Counts{70, 10, 10, 10} : Counts(4, 25)));
}

TEST_CASE("ragged_source: numbers of choices from the fewest to the most, one for each sequence or for each token") {
  auto config = forced_run("ragged_source", 4, 2, 300, 3);
  auto const numbers = [&] {
    auto const all = chosen(*make_forced_routing(config), config);
    std::vector<int> each;
    for (std::size_t t = 1; t < all.offsets.size(); ++t) each.push_back(all.offsets[t] - all.offsets[t - 1]);
    return each;
  };
  auto const of_sequences = numbers();
  for (std::size_t t = 0; t < of_sequences.size(); ++t) REQUIRE(of_sequences[t] == of_sequences[t / 3 * 3]);
  REQUIRE(std::set<int>(of_sequences.begin(), of_sequences.end()) == std::set<int>{0, 1, 2, 3, 4});
  config.routing.ragged_by = "token";
  config.routing.fewest_choices = 1;
  config.routing.most_choices = 3;
  auto const of_tokens = numbers();
  REQUIRE(std::set<int>(of_tokens.begin(), of_tokens.end()) == std::set<int>{1, 2, 3});
  std::int64_t alike = 0;
  for (std::size_t t = 0; t < of_tokens.size(); t += 3) alike += of_tokens[t] == of_tokens[t + 1];
  REQUIRE(std::abs(double(alike) - 100) < 5 * std::sqrt(300 * 2.0 / 9));
}

TEST_CASE("zero_expert: the stated experts get nothing and the others alike") {
  auto config = forced_run("zero_expert", 6, 2, 1, 100);
  config.routing.zero_experts = {1, 4};
  REQUIRE(counts_of(config) == Counts{50, 0, 50, 50, 0, 50});
}

TEST_CASE("counts: those of a step are the given ones, or in proportion to them") {
  auto config = forced_run("counts", 4, 2, 1, 50);
  config.routing.counts = {{50, 0, 49, 1}, {10, 20, 30, 40}, {8, 1, 1, 0}};
  REQUIRE(counts_of(config, 0, 0) == Counts{50, 0, 49, 1});
  REQUIRE(counts_of(config, 7, 1) == Counts{10, 20, 30, 40});
  REQUIRE(counts_of(config, 0, 2) == Counts{50, 25, 25, 0});
}

TEST_CASE("replay: recorded counts come back exactly, in a single step held and in several one after the other") {
  auto const config = forced_run("replay_counts", 4, 2, 2, 9);
  RecordedCounts recorded{2, 3, 4, {18, 0, 17, 1, 9, 9, 9, 9, 0, 0, 18, 18, 1, 2, 3, 4, 18, 18, 18, 18, 0, 0, 0, 0}};
  auto const advancing = make_replayed_routing(config, recorded);
  for (std::int64_t step = 0; step < 2; ++step)
    for (std::int64_t layer = 0; layer < 3; ++layer) {
      auto const all = chosen(*advancing, config, step, layer);
      require_distinct(all, 18, 4);
      auto const first = recorded.count.begin() + (step * 3 + layer) * 4;
      REQUIRE(all.counts(4) == Counts(first, first + 4));
    }
  recorded.steps = 1;
  REQUIRE(chosen(*make_replayed_routing(config, recorded), config, 5, 2).counts(4) == Counts{0, 0, 18, 18});
}

TEST_CASE("replay: each token chooses in its order what the one in its place did, in a single step held and in several") {
  auto const config = forced_run("replay_choices", 4, 2, 1, 2);
  RecordedChoices recorded{2, 3, 2, {0, 2, 2, 3, 7, 9, 11, 12, 13, 13, 15, 16, 18}, {}};
  recorded.expert = {3, 0, 1, 2, 0, 3, 1, 0, 1, 1, 0, 2, 3, 0, 3, 1, 2, 0};
  auto const advancing = make_replayed_routing(config, recorded);
  REQUIRE(chosen(*advancing, config, 0, 0).offsets == std::vector<int>{0, 2, 2});
  REQUIRE(chosen(*advancing, config, 0, 0).expert == std::vector<int>{3, 0});
  REQUIRE(chosen(*advancing, config, 0, 1).expert == std::vector<int>{1, 2, 0, 3, 1});
  REQUIRE(chosen(*advancing, config, 1, 1, 1, 2).expert == std::vector<int>{0, 3});
  REQUIRE(chosen(*advancing, config, 1, 2).expert == std::vector<int>{1, 2, 0});
  recorded.steps = 1;
  REQUIRE(chosen(*make_replayed_routing(config, recorded), config, 5, 2).expert == std::vector<int>{0, 1, 1, 0});
}

TEST_CASE("shares become counts by largest remainder, and what one expert cannot take goes to the others") {
  auto const counts = [](std::vector<double> const& shares, std::int64_t total, std::int64_t most) {
    return forced::counts_of_shares(shares, total, most);
  };
  REQUIRE(counts({1, 1, 1}, 10, 10) == Counts{4, 3, 3});
  REQUIRE(counts({0.2, 0.5, 0.3}, 10, 10) == Counts{2, 5, 3});
  REQUIRE(counts({8, 1, 1}, 20, 10) == Counts{10, 5, 5});
  REQUIRE(counts({1, 1e-30, 0, 0}, 20, 10) == Counts{10, 10, 0, 0});
  REQUIRE(counts({1, 1, 1}, 0, 10) == Counts{0, 0, 0});
  REQUIRE(counts({1e300, 1e-300, 1}, 30, 10) == Counts{10, 10, 10});
}

TEST_CASE("a permutation takes each place once, and not where it was") {
  for (std::int64_t const size : {1, 2, 3, 7, 64, 1000, 4097}) {
    forced::Permutation const permutation(RandomStream(1, Purpose::forced_tokens, 0, 0), size);
    std::vector<int> seen(static_cast<std::size_t>(size));
    std::int64_t stayed = 0;
    for (std::int64_t i = 0; i < size; ++i) {
      auto const place = permutation(i);
      REQUIRE((0 <= place && place < size));
      ++seen[std::size_t(place)];
      stayed += place == i;
    }
    REQUIRE(seen == std::vector<int>(std::size_t(size), 1));
    if (size > 100) REQUIRE(stayed < 12);  // one is expected
  }
}

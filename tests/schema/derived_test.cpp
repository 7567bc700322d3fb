#include <algorithm>
#include <cmath>

#include "metrics/drift.hpp"
#include "metrics/flops.hpp"
#include "record/hdf5/file.hpp"
#include "record/load_history.hpp"
#include "record/schema.hpp"
#include "schema/synthetic_run.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::testing;

namespace {

constexpr std::int64_t steps = 10;

RunFileSetup free_setup() {
  auto setup = synthetic_setup(steps);
  setup.config.train.timing = "free";
  return setup;
}

struct Written {
  explicit Written(RunFileSetup run_setup) : setup(std::move(run_setup)) {}
  std::vector<double> read(std::string const& path) const { return file.read_numbers(path); }

  TemporaryFolder folder;
  RunFileSetup setup;
  hdf5::File file = hdf5::File::open(write_synthetic_run(folder / "run.h5", setup));
};

/// The last rank is the slowest.
double slowest(std::int64_t step) { return 0.5 + 0.125 * 3 + 0.03125 * double(step); }

void check_all_nan(Written const& run, std::string const& path) {
  INFO(path);
  auto const values = run.read(path);
  REQUIRE_FALSE(values.empty());
  CHECK(std::all_of(values.begin(), values.end(), [](double value) { return std::isnan(value); }));
}

}  // namespace

TEST_CASE("throughput is tokens of the job over the seconds of the slowest rank") {
  Written const run(free_setup());
  for (std::int64_t s = 0; s < steps; ++s) {
    CHECK(run.read("/derived/tokens_per_second").at(std::size_t(s)) == Approx(12 / slowest(s)));
    CHECK(run.read("/derived/tgs").at(std::size_t(s)) == Approx(12 / slowest(s) / 4));
  }
}

TEST_CASE("MFU is operations of the job over time and the peak of all ranks") {
  Written const run(free_setup());
  double const executed = 1e6 * (1 + 2 + 3 + 4);
  CHECK(run.read("/derived/flops/executed").at(4) == executed);
  CHECK(run.read("/derived/mfu/stated/executed").at(4) == Approx(executed / slowest(4) / (4 * 1e9)));
  CHECK(run.read("/derived/mfu/measured/executed").at(4) == Approx(executed / slowest(4) / 2e9));
  auto const nominal = metrics::step_flops(run.setup.config.model, 12, run.setup.config.batch.sequence_length);
  CHECK(run.read("/derived/flops/megatron_causal").at(0) == nominal.megatron_causal);
  CHECK(run.read("/derived/flops/six_n_total").at(0) == nominal.six_n_total);
  CHECK(run.read("/derived/mfu/stated/six_n_active").at(0) == Approx(nominal.six_n_active / slowest(0) / 4e9));
}

TEST_CASE("a forward-only run counts a third of the training operations") {
  auto setup = free_setup();
  setup.config.train.mode = "forward";
  setup.collectives = traffic::collectives(setup.config, setup.layout);
  Written const run(setup);
  auto const nominal = metrics::step_flops(setup.config.model, 12, setup.config.batch.sequence_length);
  CHECK(run.read("/derived/flops/non_causal").at(0) == Approx(nominal.non_causal / 3));
}

TEST_CASE("MFU against a peak that nobody knows is NaN") {
  auto setup = free_setup();
  setup.config.machine.stated_peak_flops = 0;
  Written const run(setup);
  check_all_nan(run, "/derived/mfu/stated/megatron_causal");
  CHECK(std::isfinite(run.read("/derived/mfu/measured/megatron_causal").at(0)));
  CHECK(std::isnan(run.read("/derived/summary/mfu_stated_megatron_causal").at(0)));
}

TEST_CASE("imbalance stands at the levels expert, rank and node") {
  Written const run(free_setup());
  auto const rows = run.file.read_integers("/raw/rank_rows");
  auto const routed = run.file.read_integers("/raw/expert_tokens_routed");
  double const experts = double(routed[0] + routed[1] + routed[2] + routed[3]),
               all_rows = double(rows[0] + rows[1] + rows[2] + rows[3]);
  CHECK(run.read("/derived/imbalance/experts/max_over_mean").at(0) == Approx(double(routed[3]) / (experts / 4)));
  CHECK(run.read("/derived/imbalance/ranks/max_over_mean").at(0) ==
        Approx(double(*std::max_element(rows.begin(), rows.begin() + 4)) / (all_rows / 4)));
  double const alpha = double(rows[0] + rows[1]);  // hosts are alpha, alpha, beta, beta
  CHECK(run.read("/derived/imbalance/nodes/max_over_mean").at(0) == Approx(std::max(alpha, all_rows - alpha) / (all_rows / 2)));
  CHECK(run.read("/derived/imbalance/nodes/cv").at(0) == Approx(std::abs(alpha - (all_rows - alpha)) / all_rows));
  CHECK(run.read("/derived/imbalance/experts/dead_fraction").at(0) == 0);
}

TEST_CASE("an evaluation tells what experts say of domains, of each router") {
  Written const run(free_setup());
  auto const counts = run.file.read_integers("/raw/eval/expert_tokens");  // [evaluation, domain, router, expert] of 2 x 2 x 2 x 4
  auto const information = run.read("/derived/eval/domain_information");
  REQUIRE(information.size() == 2 * 2);
  for (std::size_t v = 0; v < 2; ++v)
    for (std::size_t l = 0; l < 2; ++l) {
      double shares[2][4] = {};
      for (std::size_t d = 0; d < 2; ++d) {
        auto const* const of_domain = counts.data() + ((v * 2 + d) * 2 + l) * 4;
        auto const all = double(of_domain[0] + of_domain[1] + of_domain[2] + of_domain[3]);
        for (std::size_t e = 0; e < 4; ++e) shares[d][e] = double(of_domain[e]) / all;
      }
      double bits = 0;
      for (auto const& of_domain : shares)
        for (std::size_t e = 0; e < 4; ++e)
          if (of_domain[e] > 0) bits += of_domain[e] / 2 * std::log2(of_domain[e] * 2 / (shares[0][e] + shares[1][e]));
      CHECK(information[v * 2 + l] == Approx(bits));
      CHECK(bits > 1e-5);
    }
}

TEST_CASE("the drift of a step is from the loads of the step before, and the window of dead experts is full after ten") {
  Written const run(free_setup());
  auto const routed = run.file.read_integers("/raw/expert_tokens_routed");  // [steps, 2, 4]
  auto const drift = run.read("/derived/load_drift"), dead = run.read("/derived/dead_fraction_over_window");
  for (std::size_t l = 0; l < 2; ++l) {
    CHECK(std::isnan(drift[l]));
    std::vector<std::int64_t> const before(routed.begin() + std::ptrdiff_t(4 * 8 + l * 4),
                                           routed.begin() + std::ptrdiff_t(4 * 8 + l * 4 + 4)),
        now(routed.begin() + std::ptrdiff_t(5 * 8 + l * 4), routed.begin() + std::ptrdiff_t(5 * 8 + l * 4 + 4));
    CHECK(drift[5 * 2 + l] == metrics::total_variation(before, now));
    CHECK(drift[5 * 2 + l] > 0);
    CHECK(std::isnan(dead[8 * 2 + l]));
    CHECK(dead[9 * 2 + l] == 0);
  }
}

TEST_CASE("an expert is dead over a window that has no choice of it, however often it was chosen before") {
  record::LoadHistory history(1, 4);
  auto const dead = [&] { return std::get<std::vector<double>>(history.derived_rows().at(1).values).at(0); };
  history.add({5, 5, 0, 0});
  for (int step = 1; step < 10; ++step) history.add({step == 3, 5, 0, 0});
  CHECK(dead() == 0.5);
  for (int step = 10; step < 13; ++step) history.add({0, 5, 0, 0});
  CHECK(dead() == 0.5);  // the choice in step 3 is still in the window
  history.add({0, 5, 0, 1});
  CHECK(dead() == 0.5);
  history.add({0, 5, 1, 1});
  CHECK(dead() == 0.25);
}

TEST_CASE("confidence is the mean over the tokens of all ranks that have it") {
  Written const run(free_setup());
  for (std::size_t l = 0; l < 2; ++l) {
    CHECK(run.read("/raw/confidence/top_probability").at(l) == Approx(0.5));
    CHECK(run.read("/raw/confidence/entropy").at(l) == Approx(0.25));
    CHECK(run.read("/raw/confidence/margin").at(l) == Approx((6 + 3 * double(l)) / (4 + 6 + 8)));
  }
}

TEST_CASE("pairs of experts are those of the detail steps") {
  Written const run(free_setup());
  auto const pairs = run.file.read_integers("/raw/expert_pairs");  // [5, 2, 4, 4]
  REQUIRE(pairs.size() == 5 * 2 * 4 * 4);
  CHECK(pairs.at(3 * 32 + 17) == 6 + 17);
}

TEST_CASE("choices of tokens are those of the detail steps, -1 where a token made fewer than it might") {
  auto setup = free_setup();
  setup.config.record.choices = true;
  Written const run(setup);
  CHECK(run.file.extents("/raw/choices") == std::vector<hsize_t>{5, 2, 12, 2});
  auto const choices = run.file.read_integers("/raw/choices");
  auto const token = std::size_t(((3 * 2 + 1) * 12 + 5) * 2);  // step 6, router 1, token 5: 6 + 1 + 5, then 3 on
  CHECK(std::vector(choices.begin() + token, choices.begin() + token + 2) == std::vector<std::int64_t>{0, 3});
  setup.config.routing.forced = "ragged_source";
  Written const ragged(setup);
  CHECK(ragged.file.extents("/raw/choices") == std::vector<hsize_t>{5, 2, 12, 4});
  auto const some = ragged.file.read_integers("/raw/choices");
  CHECK(std::vector(some.begin() + 12, some.begin() + 16) == std::vector<std::int64_t>{3, 2, 1, -1});  // of token 3, step 0
  CHECK(Written(free_setup()).file.extents("/raw/choices") == std::vector<hsize_t>{5, 2, 0, 0});
}

TEST_CASE("the cost of the gate is the ranks' time in its phase over the tokens, in phased runs") {
  Written const run(synthetic_setup(steps));
  CHECK(run.read("/derived/gate_seconds_per_token").at(3) == Approx((0.01 + 0.02 + 0.03 + 0.04) / 12));
  check_all_nan(Written(free_setup()), "/derived/gate_seconds_per_token");
  auto setup = synthetic_setup(steps);
  setup.oversubscribed = true;
  check_all_nan(Written(setup), "/derived/gate_seconds_per_token");
}

TEST_CASE("the share of held-out tokens that changed is of those of all domains, and not known of a first evaluation") {
  auto setup = free_setup();
  setup.config.eval.sequences = 5;  // of 3 tokens each, in 2 domains
  Written const run(setup);
  CHECK(run.file.read_integers("/raw/eval/changed_tokens") == std::vector<std::int64_t>{-1, -1, -1, -1, 1, 2, 3, 4});
  auto const fraction = run.read("/derived/eval/changed_fraction");
  CHECK((std::isnan(fraction.at(0)) && std::isnan(fraction.at(1))));
  CHECK(fraction.at(2) == Approx((1 + 3) / 30.0));
  CHECK(fraction.at(3) == Approx((2 + 4) / 30.0));
}

TEST_CASE("energy is that of all counters of all hosts, a step and a token of the job") {
  Written const run(free_setup());
  CHECK(run.file.read_text("/energy_sensor") ==
        std::vector<std::string>{"alpha:package-0", "alpha:package-0:dram", "beta:package-0"});
  auto const raw = run.read("/raw/energy_joules");
  CHECK(std::vector<double>(raw.begin() + 6, raw.begin() + 9) == std::vector<double>{42, 2, 20});
  CHECK(run.read("/derived/joules").at(2) == 64);
  CHECK(run.read("/derived/joules_per_token").at(2) == 64.0 / 12);
  auto const per_token = run.read("/derived/summary/joules_per_token");  // steps 2 to 9
  CHECK(per_token.at(0) == Approx((62 + 5.5) / 12));
  CHECK(per_token.at(4) == 8);
  CHECK(run.read("/derived/summary/joules").at(0) == Approx(67.5));
  CHECK(run.file.read_attribute("/raw/energy_joules", "absent") == "no GPU");
}

TEST_CASE("energy of a job of which a part is not counted, or of a counter that fails, is stored and sums to nothing") {
  auto setup = free_setup();
  setup.energy.whole = false;
  Written const run(setup);
  CHECK(run.read("/raw/energy_joules").at(2) == 20);
  for (auto const* path : {"/derived/joules", "/derived/joules_per_token"}) check_all_nan(run, path);
  CHECK(std::isnan(run.read("/derived/summary/joules").at(0)));
  setup = free_setup();
  setup.energy.sensors.push_back({"beta:package-1", 2, 1});
  Written const failing(setup);
  check_all_nan(failing, "/derived/joules");
  CHECK(failing.read("/raw/energy_joules").at(2) == 20);
}

TEST_CASE("a machine that counts no energy leaves datasets without sensors and the reason") {
  auto setup = free_setup();
  setup.energy = {{}, false, "RAPL on 2 of the hosts, alpha first: there is no /sys/class/powercap"};
  Written const run(setup);
  CHECK(run.file.extents("/raw/energy_joules") == std::vector<hsize_t>{steps, 0});
  CHECK(run.file.read_attribute("/raw/energy_joules", "absent") == setup.energy.absent);
  check_all_nan(run, "/derived/joules");
  CHECK_THAT(inspect(run.file.path()), !Catch::Contains("energy"));
}

TEST_CASE("the dropped fraction is of the choices before dropping") {
  Written const run(free_setup());
  auto const routed = run.file.read_integers("/raw/expert_tokens_routed");
  double const choices = double(routed[0] + routed[1] + routed[2] + routed[3]);
  CHECK(run.read("/derived/dropped_fraction").at(0) == Approx(4 * 2 / choices));  // one of expert 3, each rank and micro-step
}

TEST_CASE("bandwidth is payload over transfer seconds, and busbw that times the operation's factor") {
  Written const run(free_setup());
  auto const payload = run.file.read_integers("/raw/collective_payload_bytes");
  auto const wire = run.file.read_integers("/raw/collective_wire_bytes");
  auto const count = run.setup.collectives.size();
  REQUIRE(count > 0);
  for (std::size_t c = 0; c < count; ++c) {
    double bytes = 0, on_wire = 0;
    for (std::size_t r = 0; r < 4; ++r) bytes += double(payload.at(r * count + c)), on_wire += double(wire.at(r * count + c));
    CHECK(run.read("/derived/bandwidth/algbw").at(c) == Approx(bytes / (4 * 0.002)));
    CHECK(run.read("/derived/bandwidth/busbw").at(c) == Approx(on_wire / (4 * 0.002)));
  }
}

TEST_CASE("the summary is total over total, the steps' median and its interval, without the warm-up") {
  Written const run(free_setup());
  double wall = 0;
  for (std::int64_t s = 2; s < steps; ++s) wall += slowest(s);
  auto const tokens = run.read("/derived/summary/tokens_per_second");
  CHECK(tokens.at(0) == Approx(8 * 12 / wall));
  CHECK(tokens.at(1) == Approx((12 / slowest(5) + 12 / slowest(6)) / 2));
  CHECK(tokens.at(2) == Approx(12 / slowest(9)));  // n = 8: the whole range is the 95 % interval
  CHECK(tokens.at(3) == Approx(12 / slowest(2)));
  CHECK(tokens.at(4) == 8);
  CHECK(run.read("/derived/summary/step_seconds").at(0) == Approx(wall / 8));
  CHECK(run.read("/derived/summary/tgs").at(0) == Approx(8 * 12 / wall / 4));
  CHECK(run.read("/derived/summary/mfu_measured_executed").at(0) == Approx(8 * 1e7 / wall / 2e9));
}

TEST_CASE("with more threads than cores times are stored and nothing is drawn from them") {
  auto setup = free_setup();
  setup.oversubscribed = true;
  Written const run(setup);
  for (auto const* path :
       {"/derived/joules", "/derived/joules_per_token", "/derived/tokens_per_second", "/derived/tgs", "/derived/bandwidth/algbw",
        "/derived/bandwidth/busbw", "/derived/mfu/stated/executed", "/derived/mfu/measured/megatron_causal"})
    check_all_nan(run, path);
  CHECK(std::isnan(run.read("/derived/summary/step_seconds").at(0)));
  CHECK(run.file.read_attribute("/", "oversubscribed") == "1");
  CHECK_THAT(run.file.read_attribute("/derived", "times"), Catch::Contains("more threads than cores"));
  CHECK(run.read("/raw/step_seconds").at(0) == 0.5);
  CHECK(std::isfinite(run.read("/derived/imbalance/ranks/cv").at(0)));
  CHECK(std::isfinite(run.read("/derived/summary/imbalance_rank").at(0)));
}

TEST_CASE("a phased run has no speed, neither of a step nor in all, for its steps hold fences and barriers") {
  Written const run(synthetic_setup(steps));
  for (auto const* name : {"step_seconds", "tokens_per_second", "tgs", "mfu_stated_executed"})
    CHECK(std::isnan(run.read(std::string("/derived/summary/") + name).at(0)));
  for (auto const* path : {"/derived/joules", "/derived/joules_per_token", "/derived/tokens_per_second", "/derived/tgs",
                           "/derived/mfu/stated/executed", "/derived/mfu/measured/megatron_causal"})
    check_all_nan(run, path);
  CHECK_THAT(run.file.read_attribute("/derived", "times"), Catch::Contains("phased") && Catch::Contains("tokens_per_second"));
  CHECK(std::isfinite(run.read("/derived/bandwidth/busbw").at(0)));
  CHECK(run.read("/raw/step_seconds").at(0) == 0.5);
}

#include "record/hdf5/file.hpp"
#include "schema/synthetic_run.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::testing;

namespace {

constexpr std::int64_t steps = 5, layers = 2, ranks = 4, experts = 4, micro_steps = 2;

struct Written {
  TemporaryFolder folder;
  RunFileSetup setup = synthetic_setup(steps);
  std::string path = write_synthetic_run(folder / "run.h5", setup);
  hdf5::File file = hdf5::File::open(path);
};

}  // namespace

TEST_CASE("choices are summed over ranks and micro-steps, before and after dropping") {
  Written const run;
  auto const routed = run.file.read_integers("/raw/expert_tokens_routed");
  auto const processed = run.file.read_integers("/raw/expert_tokens_processed");
  for (std::int64_t s = 0; s < steps; ++s)
    for (std::int64_t l = 0; l < layers; ++l)
      for (std::int64_t e = 0; e < experts; ++e) {
        std::int64_t before = 0, after = 0;
        for (std::int64_t r = 0; r < ranks; ++r) {
          before += micro_steps * synthetic_routed(s, l, r, e);
          after += micro_steps * synthetic_processed(s, l, r, e);
        }
        CHECK(routed.at(std::size_t((s * layers + l) * experts + e)) == before);
        CHECK(processed.at(std::size_t((s * layers + l) * experts + e)) == after);
      }
}

TEST_CASE("detail steps hold the choices by the rank that owns the token") {
  Written const run;
  auto const detail = run.file.read_integers("/detail_step");
  CHECK(detail == std::vector<std::int64_t>{0, 2, 4});
  auto const routed = run.file.read_integers("/raw/expert_tokens_routed_by_rank");
  auto const processed = run.file.read_integers("/raw/expert_tokens_processed_by_rank");
  for (std::size_t d = 0; d < detail.size(); ++d)
    for (std::int64_t l = 0; l < layers; ++l)
      for (std::int64_t r = 0; r < ranks; ++r)
        for (std::int64_t e = 0; e < experts; ++e) {
          auto const i = std::size_t(((std::int64_t(d) * layers + l) * ranks + r) * experts + e);
          CHECK(routed.at(i) == micro_steps * synthetic_routed(detail[d], l, r, e));
          CHECK(processed.at(i) == micro_steps * synthetic_processed(detail[d], l, r, e));
        }
}

TEST_CASE("per-rank numbers stand at [step, rank] and [step, layer, rank]") {
  Written const run;
  auto const seconds = run.file.read_numbers("/raw/step_seconds");
  auto const waits = run.file.read_numbers("/raw/collective_wait_seconds");
  auto const rows = run.file.read_integers("/raw/rank_rows");
  auto const payload = run.file.read_integers("/raw/collective_payload_bytes");
  auto const collectives = std::int64_t(run.setup.collectives.size());
  for (std::int64_t s = 0; s < steps; ++s) {
    auto const report = synthetic_step(run.setup, s);
    for (std::int64_t r = 0; r < ranks; ++r) {
      auto const& rank = report.ranks[std::size_t(r)];
      CHECK(seconds.at(std::size_t(s * ranks + r)) == rank.step_seconds);
      for (std::int64_t l = 0; l < layers; ++l)
        CHECK(rows.at(std::size_t((s * layers + l) * ranks + r)) == rank.rows[std::size_t(l)]);
      for (std::int64_t c = 0; c < collectives; ++c) {
        auto const i = std::size_t((s * ranks + r) * collectives + c);
        CHECK(payload.at(i) == rank.volumes[std::size_t(c)].payload_bytes);
        CHECK(waits.at(i) == rank.wait_seconds[std::size_t(c)]);
      }
    }
  }
}

TEST_CASE("peer bytes fall into the classes self, node and remote by host") {
  Written const run;
  auto const classes = run.file.read_integers("/raw/peer_class_bytes");
  auto const peers = run.file.read_integers("/raw/peer_bytes");
  for (std::size_t r = 0; r < std::size_t(ranks); ++r) {
    auto const neighbour = r ^ 1;  // hosts are alpha, alpha, beta, beta
    std::int64_t all = 0;
    for (std::size_t p = 0; p < std::size_t(ranks); ++p) all += peers.at(r * ranks + p);
    CHECK(classes.at(r * 3) == peers.at(r * ranks + r));
    CHECK(classes.at(r * 3 + 1) == peers.at(r * ranks + neighbour));
    CHECK(classes.at(r * 3 + 2) == all - classes[r * 3] - classes[r * 3 + 1]);
    CHECK(classes.at(r * 3 + 2) > 0);
  }
}

TEST_CASE("placement says which expert is in which slot, on every rank that holds a part of it") {
  Written const run;
  std::vector<std::int64_t> const layer = {0, 1, 0, 1, 2, 3, 2, 3};
  auto expected = layer;
  expected.insert(expected.end(), layer.begin(), layer.end());
  CHECK(run.file.read_integers("/raw/placement") == expected);
}

TEST_CASE("losses, tokens and evaluations read back as written") {
  Written const run;
  CHECK(run.file.read_numbers("/raw/loss/cross_entropy").at(3) == synthetic_step(run.setup, 3).loss_cross_entropy);
  CHECK(run.file.read_numbers("/raw/loss/balance").at(3) == 0.125);
  CHECK(run.file.read_numbers("/raw/loss/terms").at(4 * 2 + 1) == 0.0625);
  auto const realised = run.file.read_numbers("/raw/loss/realised");
  CHECK(realised.at(0) == 6 * 0.03125);
  CHECK(realised.at(1) == 4 * 0.25);
  CHECK(realised.at(2) == 6 * 0.015625);
  CHECK(run.file.read_integers("/raw/domain_tokens").at(9) == 7);
  CHECK(run.file.read_integers("/raw/warm_up") == std::vector<std::int64_t>{1, 1, 0, 0, 0});
  CHECK(run.file.read_integers("/raw/eval/at_step") == std::vector<std::int64_t>{0, steps});
  CHECK(run.file.read_numbers("/raw/eval/loss").at(2) == synthetic_evaluation(run.setup, steps).loss[0]);
  CHECK(run.file.read_integers("/raw/eval/expert_tokens").back() == synthetic_evaluation(run.setup, steps).expert_tokens.back());
}

TEST_CASE("phases of a free run are NaN, for it has no fences, and its stamps say how well the clocks agree") {
  TemporaryFolder const folder;
  auto setup = synthetic_setup(1);
  setup.config.train.timing = "free";
  setup.clock_error = 2.5e-7;
  auto const file = hdf5::File::open(write_synthetic_run(folder / "run.h5", setup));
  for (auto const value : file.read_numbers("/raw/phase_seconds")) CHECK(value != value);
  CHECK(file.read_numbers("/raw/collective_wait_seconds").front() == 0.001);
  CHECK(file.read_attribute("/raw/collective_wait_seconds", "clock_error") == "2.5e-07");
  for (auto const value : file.read_numbers("/raw/collective_transfer_seconds")) CHECK(value == 0.002);
}

TEST_CASE("what was counted equals what is computed, and inspect says so") {
  Written const run;
  CHECK(run.file.read_integers("/raw/collective_payload_bytes") == run.file.read_integers("/computed/payload_bytes"));
  CHECK(run.file.read_integers("/raw/collective_messages") == run.file.read_integers("/computed/messages"));
  CHECK(run.file.read_integers("/raw/collective_calls") == run.file.read_integers("/computed/calls"));
  CHECK(run.file.read_integers("/raw/rank_rows") == run.file.read_integers("/computed/rank_rows"));
  CHECK_THAT(inspect(run.path), Catch::Contains("none: exchanges and rows are as computed"));
}

TEST_CASE("the first difference is kept as a sentence with step, rank, exchange and both numbers") {
  TemporaryFolder const folder;
  auto const setup = synthetic_setup(3);
  RunFile run(folder / "run.h5", setup);
  run.write_step(synthetic_step(setup, 0));
  CHECK(run.mismatch().empty());
  auto report = synthetic_step(setup, 1);
  auto const expected = report.ranks[2].volumes[0].payload_bytes;
  report.ranks[2].volumes[0].payload_bytes = expected + 4;
  report.ranks[3].rows[1] += 1;
  run.write_step(report);
  auto const sentence = "step 1, rank 2: payload bytes of " + setup.collectives[0].name + " measured " +
                        std::to_string(expected + 4) + ", computed from configuration and counts " + std::to_string(expected);
  CHECK(run.mismatch() == sentence);
  run.write_step(synthetic_step(setup, 2));
  CHECK(run.mismatch() == sentence);
  run.finish("wrong", run.mismatch());
  CHECK_THAT(inspect(run.path()), Catch::Contains("wrong: step 1, rank 2") && Catch::Contains("DIFFERENT"));
}

TEST_CASE("rows and peer bytes that differ are found too") {
  TemporaryFolder const folder;
  auto const setup = synthetic_setup(1);
  auto const mismatch_after = [&](auto change) {
    RunFile run(folder / "run.h5", setup);
    auto report = synthetic_step(setup, 0);
    change(report.ranks[1]);
    run.write_step(report);
    return run.mismatch();
  };
  CHECK_THAT(mismatch_after([](auto& rank) { rank.rows[1] += 1; }), Catch::Contains("rank 1: rows computed in layer 1"));
  CHECK_THAT(mismatch_after([](auto& rank) { rank.rows_worst[0] -= 1; }), Catch::Contains("largest micro-batch"));
  CHECK_THAT(mismatch_after([](auto& rank) { rank.peer_bytes[3] += 8; }), Catch::Contains("expert exchange to rank 3"));
}

#include "step/micro_batches.hpp"

#include "support/catch.hpp"

using namespace moescope;

namespace {

constexpr std::int64_t length = 3;

/// Token 100 * sequence + position; sequences divisible by four have no label, others none at their last position.
Batch numbered(std::int64_t first, std::int64_t count) {
  Batch batch{first, count, {}, {}, std::vector<int>(std::size_t(count))};
  for (auto s = first; s < first + count; ++s) {
    for (std::int64_t t = 0; t < length; ++t) {
      batch.tokens.push_back(int(100 * s + t));
      batch.targets.push_back(s % 4 == 0 || t + 1 == length ? -100 : int(100 * s + t + 1));
    }
  }
  return batch;
}

Layout make_layout(std::int64_t ranks, std::int64_t tp) {
  LayoutConfig config;
  config.tp = tp;
  config.etp = 1;
  return Layout(config, ranks);
}

std::vector<int> host(Vector<int> const& device) {
  auto const mirror = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, device);
  return {mirror.data(), mirror.data() + mirror.size()};
}

using Runs = std::vector<Range>;
using Owned = std::vector<Runs>;

}  // namespace

TEST_CASE("dp coordinates take neighbouring sequences of the micro-batch; one may have none") {
  auto const layout = make_layout(4, 1);
  BatchConfig const batch{6, length, 2};
  std::int64_t labels = 0;
  for (std::int64_t rank = 0; rank < 4; ++rank) {
    auto const loaded = load_micro_batch(layout, rank, {batch, {"sequence"}, numbered, 60}, 1);
    auto const& device = loaded.device;
    INFO("rank " << rank);
    bool const empty = rank == 3;  // three sequences for four
    auto const sequence = 63 + std::min<std::int64_t>(rank, 3);
    CHECK(device.sequences == (empty ? 0 : 1));
    CHECK(device.sequence_length == length);
    CHECK(host(device.tokens) == (empty ? std::vector<int>{} : numbered(sequence, 1).tokens));
    CHECK(host(device.targets) == (empty ? std::vector<int>{} : numbered(sequence, 1).targets));
    CHECK(device.ids.runs() == (empty ? Runs{} : Runs{{sequence * length, (sequence + 1) * length}}));
    if (!empty) CHECK(device.pools[0].shape.first_id == sequence * length);  // its pools are its own
    CHECK(device.pools[0].axis == Axis::tp);
    CHECK(device.pools[0].owned_tokens == Owned{empty ? Runs{} : Runs{{rank * length, (rank + 1) * length}}});
    CHECK(loaded.num_labels == (empty || sequence == 64 ? 0 : 2));
    CHECK(loaded.host.tokens == host(device.tokens));
    labels += loaded.num_labels;
  }
  CHECK(labels == 4);
}

TEST_CASE("uneven sequences over dp: the first coordinates take one more") {
  auto const layout = make_layout(2, 1);
  auto const first = load_micro_batch(layout, 0, {{5, length, 1}, {"sequence"}, numbered}, 0);
  auto const second = load_micro_batch(layout, 1, {{5, length, 1}, {"sequence"}, numbered}, 0);
  CHECK(host(first.device.tokens) == numbered(0, 3).tokens);
  CHECK(host(second.device.tokens) == numbered(3, 2).tokens);
  CHECK(second.device.pools[0].shape.first_id == 9);
  CHECK(second.device.pools[0].owned_tokens == Owned{Runs{{9, 15}}});
  auto const shared = load_micro_batch(layout, 1, {{6, length, 1}, {"block:2"}, numbered}, 0);
  CHECK(shared.device.pools[0].axis == Axis::stage);
  CHECK(shared.device.pools[0].shape.first_id == 0);
  CHECK(shared.device.ids.runs() == Runs{{9, 18}});
  CHECK(shared.device.pools[0].owned_tokens == Owned{Runs{{0, 9}}, Runs{{9, 18}}});
}

TEST_CASE("tp ranks see the same sequences and own parts of their tokens") {
  auto const layout = make_layout(4, 2);
  auto const at = [&](std::int64_t rank) { return load_micro_batch(layout, rank, {{2, length, 1}, {"batch"}, numbered, 8}, 0); };
  CHECK(host(at(2).device.tokens) == numbered(9, 1).tokens);
  CHECK(host(at(3).device.tokens) == host(at(2).device.tokens));
  CHECK(at(3).device.ids.runs() == at(2).device.ids.runs());
  CHECK(at(0).device.pools[0].owned_tokens == Owned{Runs{{0, 2}}, Runs{{2, 3}}, Runs{{3, 5}}, Runs{{5, 6}}});
}

TEST_CASE("pools are counted over the ranks that share them and over the step") {
  auto const layout = make_layout(2, 1);
  auto const shape = [&](std::string const& pool, BatchConfig const& batch) {
    return load_micro_batch(layout, 1, {batch, {pool}, numbered}, 0).device.pools[0].shape;
  };
  auto const sequence = shape("sequence", {8, length, 2});
  CHECK(sequence.tokens == 6);
  CHECK(sequence.tokens_in_pool == 3);
  CHECK(sequence.pools_in_step == 8);
  CHECK(sequence.count() == 2);
  auto const block = shape("block:2", {8, length, 2});
  CHECK(block.tokens_in_pool == 6);
  CHECK(block.pools_in_step == 4);
  CHECK(block.count() == 1);
  auto const whole = shape("batch", {8, length, 1});
  CHECK(whole.tokens_in_pool == 24);
  CHECK(whole.pools_in_step == 1);
  CHECK(whole.count() == 1);
}

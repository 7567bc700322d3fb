#include "layout/shared_pools.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace moescope {
namespace {

/// Whether every border between the parts of split(total, parts, ...) is a multiple of `unit`. The first total % parts of them
/// are larger by one.
bool split_on_multiples(std::int64_t total, std::int64_t parts, std::int64_t unit) {
  auto const small = total / parts, larger = total % parts;
  auto const whole = [&](std::int64_t size) { return size % unit == 0; };
  if (parts == 1) return true;
  if (larger == 0) return whole(small);
  return whole(small + 1) && (parts - larger == 1 || whole(small));
}

Axis pool_axis(Layout const& layout, std::string const& pool, BatchConfig const& micro_batch) {
  auto const in_pool = sequences_in_pool(pool, micro_batch);
  return split_on_multiples(micro_batch.sequences, layout.size(Axis::dp), in_pool) ? Axis::tp : Axis::stage;
}

}  // namespace

SharedPools shared_pools(Layout const& layout, std::string const& pool, BatchConfig const& micro_batch, std::int64_t rank) {
  SharedPools shared;
  shared.axis = pool_axis(layout, pool, micro_batch);
  shared.sequences = shared.axis == Axis::tp ? layout.sequences(micro_batch, 0, rank) : Range{0, micro_batch.sequences};
  shared.sequences_in_pool = sequences_in_pool(pool, micro_batch);
  MOESCOPE_CHECK(shared.sequences_in_pool > 0 && shared.sequences.size() % shared.sequences_in_pool == 0);
  return shared;
}

std::vector<std::vector<Range>> owned_token_runs(Layout const& layout, BatchConfig const& micro_batch, Axis axis,
                                                 std::int64_t rank) {
  std::vector<std::vector<Range>> runs;
  for (auto const member : layout.members(axis, rank)) {
    auto const sequences = layout.sequences(micro_batch, 0, member);
    auto const first = sequences.begin * micro_batch.sequence_length;
    auto const owned = layout.owned_tokens(sequences.size() * micro_batch.sequence_length, member);
    runs.emplace_back();
    if (owned.size() > 0) runs.back().push_back({first + owned.begin, first + owned.end});
  }
  return runs;
}

Axis step_pool_axis(RunConfig const& config, Layout const& layout, std::string const& pool) {
  auto const& batch = config.batch;
  return pool_axis(layout, pool, {batch.sequences / batch.micro_steps, batch.sequence_length, 1});
}

bool shares_pools(RunConfig const& config, Layout const& layout, std::string const& pool, Axis axis) {
  auto const step = config.batch.sequences / config.batch.micro_steps;
  std::vector<std::int64_t> sizes;
  if (config.eval.every > 0) sizes.insert(sizes.end(), {std::min(step, config.eval.sequences), config.eval.sequences % step});
  return step_pool_axis(config, layout, pool) == axis || std::any_of(sizes.begin(), sizes.end(), [&](std::int64_t sequences) {
           return sequences > 0 && pool_axis(layout, pool, {sequences, config.batch.sequence_length, 1}) == axis;
         });
}

}  // namespace moescope

#include "step/micro_batches.hpp"

#include <algorithm>

#include "base/upload.hpp"
#include "kernels/cross_entropy.hpp"
#include "layout/shared_pools.hpp"

namespace moescope {

LoadedMicroBatch load_micro_batch(Layout const& layout, std::int64_t rank, GlobalBatch const& global, std::int64_t micro_step) {
  auto const& batch = global.sizes;
  auto const mine = layout.sequences(batch, micro_step, rank);
  auto const whole = split(batch.sequences, batch.micro_steps, micro_step);
  auto const length = batch.sequence_length;

  LoadedMicroBatch loaded;
  loaded.host = global.source(global.first_sequence + mine.begin, mine.size());
  loaded.num_labels = std::count_if(loaded.host.targets.begin(), loaded.host.targets.end(),
                                    [](int target) { return target != kernels::ignored_label; });
  auto& device = loaded.device;
  device.tokens = upload(ExecSpace(), "step::tokens", loaded.host.tokens);
  device.targets = upload(ExecSpace(), "step::targets", loaded.host.targets);
  device.sequences = mine.size();
  device.sequence_length = length;
  auto const tokens_of = [&](Range sequences) {
    return Range{(global.first_sequence + sequences.begin) * length, (global.first_sequence + sequences.end) * length};
  };
  device.ids = TokenIds({tokens_of(mine)});
  BatchConfig const micro_batch{whole.size(), length, 1};
  for (auto const& pool : global.pools) {
    auto const shared = shared_pools(layout, pool, micro_batch, rank);
    auto const in_pool = shared.sequences_in_pool * length;
    auto const sharing = tokens_of({whole.begin + shared.sequences.begin, whole.begin + shared.sequences.end});
    device.pools.push_back({pool,
                            {sharing.begin, sharing.size(), in_pool, batch.sequences * length / in_pool},
                            shared.axis,
                            owned_token_runs(layout, micro_batch, shared.axis, rank)});
  }
  return loaded;
}

}  // namespace moescope

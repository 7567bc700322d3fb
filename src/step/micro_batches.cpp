#include "step/micro_batches.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/upload.hpp"
#include "kernels/cross_entropy.hpp"

namespace moescope {

LoadedMicroBatch load_micro_batch(Layout const& layout, std::int64_t rank, BatchConfig const& batch, std::string const& pool,
                                  BatchSource const& source, std::int64_t first_sequence, std::int64_t micro_step) {
  auto const mine = layout.sequences(batch, micro_step, rank);
  auto const whole = split(batch.sequences, batch.micro_steps, micro_step);
  auto const length = batch.sequence_length;

  LoadedMicroBatch loaded;
  loaded.host = source(first_sequence + mine.begin, mine.size());
  loaded.num_labels = std::count_if(loaded.host.targets.begin(), loaded.host.targets.end(),
                                    [](int target) { return target != kernels::ignored_label; });
  auto& device = loaded.device;
  device.tokens = upload(ExecSpace(), "step::tokens", loaded.host.tokens);
  device.targets = upload(ExecSpace(), "step::targets", loaded.host.targets);
  device.sequences = mine.size();
  device.sequence_length = length;
  device.first_token_id = (first_sequence + mine.begin) * length;
  device.first_token_in_pool = (mine.begin - whole.begin) * length;
  auto const pool_sequences = sequences_in_pool(pool, {whole.size(), length, 1});
  MOESCOPE_CHECK(pool_sequences > 0 && whole.size() % pool_sequences == 0);
  auto const in_pool = pool_sequences * length;
  device.pool_shape = {whole.size() * length, in_pool, batch.sequences * length / in_pool};
  device.owned_tokens = layout.owned_token_counts(batch, micro_step);
  return loaded;
}

}  // namespace moescope

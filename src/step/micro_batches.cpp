#include "step/micro_batches.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "kernels/cross_entropy.hpp"

namespace moescope {

std::int64_t pool_tokens(std::string const& pool, std::int64_t sequences, std::int64_t sequence_length) {
  if (pool == "sequence") return sequence_length;
  if (pool == "batch") return sequences * sequence_length;
  auto const block = std::stoll(pool.substr(pool.find(':') + 1));
  if (sequences % block != 0) {
    throw UserError("gate.pool = \"" + pool + "\" does not divide the " + std::to_string(sequences) +
                    " sequences of a micro-batch");
  }
  return block * sequence_length;
}

namespace {

Vector<int> upload(char const* label, std::vector<int> const& values) {
  auto device = make_vector<int>(label, std::int64_t(values.size()));
  Kokkos::deep_copy(device, Kokkos::View<int const*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>(values.data(), values.size()));
  return device;
}

}  // namespace

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
  device.tokens = upload("step::tokens", loaded.host.tokens);
  device.targets = upload("step::targets", loaded.host.targets);
  device.sequences = mine.size();
  device.sequence_length = length;
  device.first_token_id = (first_sequence + mine.begin) * length;
  device.first_token_in_pool = (mine.begin - whole.begin) * length;
  auto const in_pool = pool_tokens(pool, whole.size(), length);
  device.pool_shape = {whole.size() * length, in_pool, batch.sequences * length / in_pool};
  device.owned_tokens = layout.owned_token_counts(batch, micro_step);
  return loaded;
}

}  // namespace moescope

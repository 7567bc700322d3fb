#include "data/data_source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "base/error.hpp"
#include "base/random.hpp"
#include "data/packed_folder.hpp"
#include "data/token_file.hpp"
#include "files/sha256.hpp"

namespace moescope {

namespace {

PackedFolder open_folder(std::string const& path) {
  if (path.empty()) throw UserError("data.path is empty; it must name a folder made by `moescope data pack`.");
  if (!is_packed_folder(path))
    throw UserError(
        fmt::format("data.path: {} is no packed folder ({} is missing); make one with `moescope data pack --out {} "
                    "--domain NAME=PATH`.",
                    path, description_file, path));
  return read_packed_folder(path);
}

/// Weight of every domain as configured, in the order of `names`.
std::vector<double> weights_of(DataConfig const& config, std::vector<std::string> const& names) {
  if (config.weights.empty()) return std::vector<double>(names.size(), 1.0);
  std::vector<double> weights(names.size(), 0.0);
  std::vector<bool> given(names.size(), false);
  for (auto const& [name, weight] : config.weights) {
    auto const d = std::size_t(std::find(names.begin(), names.end(), name) - names.begin());
    if (d == names.size())
      throw UserError(
          fmt::format("data.weights: there is no domain '{}' in {}; it has {}.", name, config.path, fmt::join(names, ", ")));
    if (given[d]) throw UserError(fmt::format("data.weights: the domain '{}' stands there twice.", name));
    if (!std::isfinite(weight) || weight < 0)
      throw UserError(fmt::format("data.weights: the weight of '{}' is {}; it must be finite and not negative.", name, weight));
    given[d] = true;
    weights[d] = weight;
  }
  return weights;
}

std::vector<double> cumulative_shares(std::vector<double> const& weights) {
  double total = 0;
  for (auto const weight : weights) total += weight;
  if (!(total > 0) || !std::isfinite(total)) throw UserError("data.weights: the weights must have a positive, finite sum.");
  std::vector<double> cumulative;
  cumulative.reserve(weights.size());
  double sum = 0;
  for (auto const weight : weights) cumulative.push_back((sum += weight) / total);
  return cumulative;
}

void require_length(std::string const& domain, char const* part, std::int64_t tokens, std::int64_t sequence_length) {
  if (tokens <= sequence_length)
    throw UserError(
        fmt::format("the {} part of domain '{}' has {} tokens; a sequence of length {} needs {}: pack more text or lower "
                    "batch.sequence_length.",
                    part, domain, tokens, sequence_length, sequence_length + 1));
}

std::string fingerprint_of(PackedFolder const& packed) {
  Sha256 hash;
  for (auto const& domain : packed.domains)
    for (auto const* part : {&domain.train, &domain.held_out}) hash.update(part->file + " " + part->sha256 + "\n");
  return hash.hex();
}

}  // namespace

struct DataSource::State {
  std::int64_t sequence_length;
  RandomStream domain_draw, window_draw;
  std::vector<std::string> names;
  std::vector<double> cumulative;  ///< share of the domains up to each
  std::vector<TokenReader> train, held_out;
  std::string fingerprint;

  std::int64_t draw_domain(std::int64_t sequence) const {
    auto const u = domain_draw.uniform(sequence, 0);
    return std::upper_bound(cumulative.begin(), cumulative.end() - 1, u) - cumulative.begin();
  }
  std::int64_t draw_start(std::int64_t sequence, std::int64_t tokens) const {
    auto const starts = tokens - sequence_length;
    return std::min(std::int64_t(window_draw.uniform(sequence, 0) * double(starts)), starts - 1);
  }
  Batch make_batch(std::int64_t first, std::int64_t count) const {
    MOESCOPE_CHECK(first >= 0 && count >= 0);
    auto const elements = std::size_t(count * sequence_length);
    return {first, count, std::vector<int>(elements), std::vector<int>(elements), std::vector<int>(std::size_t(count))};
  }
  void fill(Batch& batch, std::int64_t row, std::int64_t domain, TokenReader const& reader, std::int64_t start) const {
    batch.domain[std::size_t(row)] = int(domain);
    reader.read_window(start, sequence_length, batch.tokens.data() + row * sequence_length,
                       batch.targets.data() + row * sequence_length);
  }
};

DataSource::DataSource(DataConfig const& config, std::int64_t sequence_length, std::uint64_t seed, std::int64_t vocab_size) {
  MOESCOPE_CHECK(sequence_length > 0);
  auto const packed = open_folder(config.path);
  if (packed.vocab_size > vocab_size)
    throw UserError(fmt::format("{}: its tokenizer has {} tokens, model.vocab_size is {}; set it to {} or more.", config.path,
                                packed.vocab_size, vocab_size, packed.vocab_size));
  state_ = std::make_unique<State>(State{sequence_length,
                                         RandomStream(seed, Purpose::domain, 0, 0),
                                         RandomStream(seed, Purpose::document, 0, 0),
                                         {},
                                         {},
                                         {},
                                         {},
                                         fingerprint_of(packed)});
  for (auto const& domain : packed.domains) {
    state_->names.push_back(domain.source.name);
    state_->train.emplace_back(config.path, domain.train, packed.vocab_size);
    state_->held_out.emplace_back(config.path, domain.held_out, packed.vocab_size);
  }
  auto const weights = weights_of(config, state_->names);
  state_->cumulative = cumulative_shares(weights);
  for (std::size_t d = 0; d < weights.size(); ++d)
    if (weights[d] > 0) require_length(state_->names[d], "training", state_->train[d].num_tokens(), sequence_length);
}
DataSource::~DataSource() = default;

std::vector<std::string> const& DataSource::domains() const { return state_->names; }
std::string const& DataSource::fingerprint() const { return state_->fingerprint; }

Batch DataSource::training(std::int64_t first_sequence, std::int64_t count) const {
  auto batch = state_->make_batch(first_sequence, count);
  for (std::int64_t row = 0; row < count; ++row) {
    auto const domain = state_->draw_domain(first_sequence + row);
    auto const& reader = state_->train[std::size_t(domain)];
    state_->fill(batch, row, domain, reader, state_->draw_start(first_sequence + row, reader.num_tokens()));
  }
  return batch;
}

Batch DataSource::held_out(std::int64_t domain, std::int64_t first, std::int64_t count, std::int64_t total) const {
  MOESCOPE_CHECK(domain >= 0 && domain < std::int64_t(state_->names.size()));
  MOESCOPE_CHECK(first + count <= total);
  auto batch = state_->make_batch(first, count);
  auto const& reader = state_->held_out[std::size_t(domain)];
  require_length(state_->names[std::size_t(domain)], "held-out", reader.num_tokens(), state_->sequence_length);
  for (std::int64_t row = 0; row < count; ++row)
    state_->fill(batch, row, domain, reader, (first + row) * (reader.num_tokens() - state_->sequence_length) / total);
  return batch;
}

void DataSource::require_held_out() const {
  for (std::size_t d = 0; d < state_->names.size(); ++d)
    require_length(state_->names[d], "held-out", state_->held_out[d].num_tokens(), state_->sequence_length);
}

}  // namespace moescope

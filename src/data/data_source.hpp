#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/run_config.hpp"

namespace moescope {

/// Sequences [first, first + count) of a stream. Token ids and, for every position, the id that follows it.
struct Batch {
  std::int64_t first_sequence = 0;
  std::int64_t count = 0;
  std::vector<int> tokens, targets;  ///< [count * sequence_length] row-major; target -100 = not counted
  std::vector<int> domain;           ///< [count]
};

/// Read-only token streams of a packed folder. Sequence i of the training stream is a function of (seed, i): its domain is
/// drawn in proportion to the weights, its window uniformly in that domain's training part.
class DataSource {
 public:
  /// Throws UserError: missing folder or file, vocabulary larger than the model's, a domain shorter than a sequence,
  /// unknown domain in the weights, file size or checksum that contradicts data.json.
  DataSource(DataConfig const& config, std::int64_t sequence_length, std::uint64_t seed, std::int64_t vocab_size);
  ~DataSource();

  std::vector<std::string> const& domains() const;
  std::string const& fingerprint() const;  ///< SHA-256 over the token files, for provenance and keys
  Batch training(std::int64_t first_sequence, std::int64_t count) const;
  /// Held-out sequences [first, first + count) of a domain, evenly spaced over its held-out part; `total` of them exist.
  Batch held_out(std::int64_t domain, std::int64_t first, std::int64_t count, std::int64_t total) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One domain to pack: a name and the files or folders whose text it takes.
struct DomainInput {
  std::string name;
  std::vector<std::string> paths;
  std::string suffixes;  ///< comma-separated ("py,h"); empty: every regular file
};
struct PackOptions {
  std::string output;
  std::vector<DomainInput> domains;
  std::int64_t max_bytes_per_domain = 0;  ///< 0: no limit
  double held_out_fraction = 0.05;
};

/// Packs text with the byte tokenizer (bytes 0..255, 256 = end of document; vocabulary 257) into `output`: for each
/// domain NAME.train.bin and NAME.held_out.bin (uint16 little-endian) and one data.json. Documents go whole to one part,
/// in sorted path order, every (1/held_out_fraction)-th to held-out. Returns a printable summary.
std::string pack_text(PackOptions const& options);

}  // namespace moescope

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
/// drawn in proportion to the weights (a domain that non-empty weights leave out has weight 0: it is only evaluated), its
/// window uniformly in that domain's training part. Every position is labelled with the token that follows it in the file.
class DataSource {
 public:
  /// Throws UserError: missing folder or file, vocabulary larger than the model's, a domain shorter than a sequence,
  /// unknown domain in the weights, file size or checksum that contradicts data.json (checksums of files below 64 MB only).
  DataSource(DataConfig const& config, std::int64_t sequence_length, std::uint64_t seed, std::int64_t vocab_size);
  ~DataSource();

  std::vector<std::string> const& domains() const;
  std::string const& fingerprint() const;  ///< SHA-256 over names and digests of the token files, for provenance and keys
  Batch training(std::int64_t first_sequence, std::int64_t count) const;
  /// Held-out sequences [first, first + count) of a domain, evenly spaced over its held-out part; `total` of them exist.
  Batch held_out(std::int64_t domain, std::int64_t first, std::int64_t count, std::int64_t total) const;
  /// Throws UserError if a domain's held-out part is shorter than a sequence. Call it before the first step of a run that
  /// evaluates; `held_out` throws the same.
  void require_held_out() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One domain to pack: a name and the files or folders whose text it takes.
struct DomainInput {
  std::string name;
  std::vector<std::string> paths;
  std::string suffixes;  ///< of files found in folders, comma-separated ("py,h"); empty: every regular file
  friend bool operator==(DomainInput const&, DomainInput const&) = default;
};
struct PackOptions {
  std::string output;
  std::vector<DomainInput> domains;
  std::int64_t max_bytes_per_domain = 0;  ///< 0: no limit
  double held_out_fraction = 0.05;
};

/// Packs text with the byte tokenizer (bytes 0..255, 256 = end of document; vocabulary 257) into `output`: for each
/// domain NAME.train.bin and NAME.held_out.bin (uint16 little-endian) and one data.json. Documents go whole to one part,
/// in sorted path order, every (1/held_out_fraction)-th to held-out, the second one among them; a domain with a single
/// document is split by position. Skipped: unreadable, empty and binary files (a NUL byte), symbolic links inside folders,
/// and documents equal to an earlier one of any domain, so that held-out text is not trained on. The folder appears when it is
/// complete and replaces an older packed one. Returns a printable summary. Throws UserError: a name that is odd or
/// given twice, a path that does not exist, a domain without text, an output that is no packed folder or cannot be written.
std::string pack_text(PackOptions const& options);

/// Whether `options.output` is a packed folder and was packed with these options. False if nothing is there; throws UserError if
/// something else is.
bool is_packed_from(PackOptions const& options);
/// Whether `folder` has the data.json of a packed folder, readable or not.
bool is_packed_folder(std::string const& folder);

}  // namespace moescope

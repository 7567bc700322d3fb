#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/packed_folder.hpp"
#include "files/atomic_file.hpp"
#include "files/mapped_file.hpp"
#include "files/sha256.hpp"

namespace moescope {

/// Writes a token file with the byte tokenizer: each byte is its own token, end_of_document after each document.
class TokenWriter {
 public:
  TokenWriter(std::string const& folder, std::string const& name);
  void append_document(std::string_view bytes);
  PackedPart commit();

 private:
  void append(std::string_view bytes);
  void write(std::vector<char> const& encoded);

  AtomicFile file_;
  Sha256 hash_;
  PackedPart part_;
};

/// A mapped token file.
class TokenReader {
 public:
  /// Throws UserError if the size or (below 64 MB) the checksum contradicts `part`.
  TokenReader(std::string const& folder, PackedPart const& part, std::int64_t vocab_size);

  std::int64_t num_tokens() const { return file_.size() / 2; }
  /// tokens = [start, start + length), targets = the same window one later. Throws UserError for a token outside the vocabulary.
  void read_window(std::int64_t start, std::int64_t length, int* tokens, int* targets) const;

 private:
  int token(std::int64_t position) const;

  std::string path_;
  std::int64_t vocab_size_;
  MappedFile file_;
};

}  // namespace moescope

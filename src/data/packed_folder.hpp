#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/data_source.hpp"
#include "data/documents.hpp"

namespace moescope {

inline constexpr std::int64_t byte_vocab_size = 257, end_of_document = 256;

/// One token file: uint16, little-endian.
struct PackedPart {
  std::string file;  ///< name in the folder
  std::int64_t tokens = 0;
  std::int64_t documents = 0;
  std::string sha256;
};
struct PackedDomain {
  DomainInput source;
  SkippedFiles skipped;
  PackedPart train, held_out;
};

/// What data.json says.
struct PackedFolder {
  std::int64_t vocab_size = byte_vocab_size;
  double held_out_fraction = 0;
  std::int64_t max_bytes_per_domain = 0;
  std::vector<PackedDomain> domains;
};

inline constexpr char const* description_file = "data.json";

/// Throws UserError: no data.json, of another format or version, or malformed.
PackedFolder read_packed_folder(std::string const& folder);
/// The same from the text of a data.json; `source` names it in messages.
PackedFolder parse_packed_folder(std::string_view text, std::string const& source);
void write_description(PackedFolder const& packed, std::string const& folder);

}  // namespace moescope

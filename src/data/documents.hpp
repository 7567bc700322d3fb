#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/range.hpp"
#include "data/data_source.hpp"

namespace moescope {

/// Text that is packed as one unit: bytes of a file.
struct Document {
  std::string path;
  Range bytes;
};

/// Files that were found and not packed.
struct SkippedFiles {
  std::int64_t unreadable = 0, empty = 0, binary = 0, duplicate = 0;
};

struct FoundDocuments {
  std::vector<Document> documents;
  SkippedFiles skipped;
};

/// The documents of a domain: its paths in the given order, each walked in sorted order, until `max_bytes` (0: no limit) are
/// reached; the last document is cut there. `excluded` is a folder that is not entered. `digests` holds the SHA-256 of every
/// document seen so far, over all domains. Throws UserError for a path that does not exist and if nothing is found.
FoundDocuments find_documents(DomainInput const& domain, std::int64_t max_bytes, std::string const& excluded,
                              std::set<std::string>& digests);

}  // namespace moescope

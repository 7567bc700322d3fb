#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/data_source.hpp"
#include "support/temporary_folder.hpp"

/// The tokens of a packed file.
inline std::vector<int> tokens_of(std::string const& path) {
  auto const bytes = file_bytes(path);
  std::vector<int> tokens;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
    tokens.push_back(static_cast<unsigned char>(bytes[i]) | static_cast<unsigned char>(bytes[i + 1]) << 8);
  return tokens;
}

/// The documents of a packed file, split at 256.
inline std::vector<std::string> documents_of(std::string const& path) {
  std::vector<std::string> documents(1);
  for (int const token : tokens_of(path)) {
    if (token == 256)
      documents.emplace_back();
    else
      documents.back() += char(token);
  }
  documents.pop_back();
  return documents;
}

inline moescope::PackOptions pack_options(std::string const& output, std::vector<moescope::DomainInput> domains,
                                          double held_out_fraction = 0.1) {
  return {output, std::move(domains), 0, held_out_fraction};
}

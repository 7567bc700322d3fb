#include "data/documents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>

#include "files/mapped_file.hpp"
#include "files/sha256.hpp"

namespace moescope {

namespace fs = std::filesystem;

namespace {

/// Suffixes of a comma-separated list, each with its dot.
std::vector<std::string> suffixes_from(std::string const& list) {
  std::vector<std::string> suffixes;
  std::istringstream stream(list);
  for (std::string suffix; std::getline(stream, suffix, ',');)
    if (!suffix.empty()) suffixes.push_back(suffix.front() == '.' ? suffix : "." + suffix);
  return suffixes;
}

bool has_suffix(std::string const& name, std::vector<std::string> const& suffixes) {
  auto const ends_name = [&](std::string const& suffix) { return name.ends_with(suffix); };
  return suffixes.empty() || std::any_of(suffixes.begin(), suffixes.end(), ends_name);
}

/// Appends the regular files below `folder`. Symbolic links are not followed: no loops, and no text twice.
void walk(fs::path const& folder, std::vector<std::string> const& suffixes, std::string const& excluded,
          std::vector<std::string>& files, SkippedFiles& skipped) {
  std::error_code error;
  if (fs::weakly_canonical(fs::absolute(folder), error).string() == excluded) return;
  fs::directory_iterator entry(folder, error);
  if (error) ++skipped.unreadable;
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    auto const type = entry->symlink_status(gone).type();
    if (type == fs::file_type::directory) walk(entry->path(), suffixes, excluded, files, skipped);
    if (type == fs::file_type::regular && has_suffix(entry->path().filename().string(), suffixes))
      files.push_back(entry->path().string());
  }
}

std::vector<std::string> files_of(DomainInput const& domain, std::string const& path, std::string const& excluded,
                                  SkippedFiles& skipped) {
  std::error_code error;
  auto const type = fs::status(path, error).type();
  if (type == fs::file_type::regular) return {path};
  if (type != fs::file_type::directory)
    throw UserError(fmt::format("domain '{}': {} is neither a file nor a folder that exists.", domain.name, path));
  std::vector<std::string> files;
  walk(path, suffixes_from(domain.suffixes), excluded, files, skipped);
  std::sort(files.begin(), files.end());
  return files;
}

std::optional<MappedFile> open(std::string const& path) {
  try {
    return MappedFile(path);
  } catch (UserError const&) {
    return std::nullopt;
  }
}

/// The number of bytes to take of a file, at most `limit`; zero if it is skipped, and then `skipped` says why.
std::int64_t usable_bytes(std::string const& path, std::int64_t limit, std::set<std::string>& digests, SkippedFiles& skipped) {
  auto const file = open(path);
  if (!file) return ++skipped.unreadable, 0;
  if (file->size() == 0) return ++skipped.empty, 0;
  auto const text = file->bytes().substr(0, std::size_t(limit));
  if (text.find('\0') != std::string_view::npos) return ++skipped.binary, 0;
  if (!digests.insert(sha256_hex(text)).second) return ++skipped.duplicate, 0;
  return std::int64_t(text.size());
}

[[noreturn]] void refuse_empty(DomainInput const& domain, SkippedFiles const& skipped) {
  auto const filter = domain.suffixes.empty() ? "" : " with suffix " + domain.suffixes;
  throw UserError(fmt::format(
      "domain '{}': no text file{} found in {} (skipped: {} unreadable, {} empty, {} binary, {} duplicate).", domain.name, filter,
      domain.paths.front(), skipped.unreadable, skipped.empty, skipped.binary, skipped.duplicate));
}

}  // namespace

FoundDocuments find_documents(DomainInput const& domain, std::int64_t max_bytes, std::string const& excluded,
                              std::set<std::string>& digests) {
  FoundDocuments found;
  auto left = max_bytes > 0 ? max_bytes : INT64_MAX;
  for (auto const& path : domain.paths)
    for (auto const& file : files_of(domain, path, excluded, found.skipped)) {
      if (left == 0) return found;
      auto const bytes = usable_bytes(file, left, digests, found.skipped);
      if (bytes > 0) found.documents.push_back({file, {0, bytes}});
      left -= bytes;
    }
  if (found.documents.empty()) refuse_empty(domain, found.skipped);
  return found;
}

}  // namespace moescope

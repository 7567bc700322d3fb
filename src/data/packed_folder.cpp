#include "data/packed_folder.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "files/atomic_file.hpp"
#include "files/mapped_file.hpp"
#include "files/strict_json.hpp"

namespace moescope {

using json = nlohmann::json;
using ordered_json = nlohmann::ordered_json;

namespace {

constexpr char const* format_name = "moescope packed text";
constexpr int format_version = 1;

/// Thrown as a UserError that names the file; any json exception is one as well.
void expect(bool condition, std::string const& what) {
  if (!condition) throw std::invalid_argument(what);
}

ordered_json json_of(PackedPart const& part) {
  return {{"file", part.file}, {"tokens", part.tokens}, {"documents", part.documents}, {"sha256", part.sha256}};
}

/// Nothing is converted: 1e30 and true are no counts.
std::int64_t count_from(json const& object, char const* name) {
  auto const& value = object.at(name);
  expect(value.is_number_unsigned() && value.get<std::uint64_t>() <= INT64_MAX, fmt::format("'{}' is no count", name));
  return value.get<std::int64_t>();
}

PackedPart part_from(json const& value) {
  PackedPart const part{value.at("file"), count_from(value, "tokens"), count_from(value, "documents"), value.at("sha256")};
  expect(!part.file.empty() && part.file.find('/') == std::string::npos, "'" + part.file + "' is no file name");
  return part;
}

ordered_json json_of(PackedDomain const& domain) {
  auto const& skipped = domain.skipped;
  return {{"name", domain.source.name},
          {"source",
           {{"paths", domain.source.paths},
            {"suffixes", domain.source.suffixes},
            {"skipped",
             {{"unreadable", skipped.unreadable},
              {"empty", skipped.empty},
              {"binary", skipped.binary},
              {"duplicate", skipped.duplicate}}}}},
          {"train", json_of(domain.train)},
          {"held_out", json_of(domain.held_out)}};
}

PackedDomain domain_from(json const& value) {
  auto const& source = value.at("source");
  auto const& skipped = source.at("skipped");
  return {{value.at("name"), source.at("paths"), source.at("suffixes")},
          {count_from(skipped, "unreadable"), count_from(skipped, "empty"), count_from(skipped, "binary"),
           count_from(skipped, "duplicate")},
          part_from(value.at("train")),
          part_from(value.at("held_out"))};
}

PackedFolder folder_from(json const& value) {
  expect(value.at("format") == format_name, "'format' is not '" + std::string(format_name) + "'");
  expect(value.at("version") == format_version, fmt::format("'version' is not {}", format_version));
  expect(value.at("tokenizer") == "byte", "the only known tokenizer is 'byte'");
  PackedFolder packed{
      count_from(value, "vocab_size"), value.at("held_out_fraction"), count_from(value, "max_bytes_per_domain"), {}};
  expect(packed.vocab_size > 0 && packed.vocab_size <= 65536, "'vocab_size' does not fit uint16 tokens");
  std::set<std::string> names;
  for (auto const& domain : value.at("domains")) {
    packed.domains.push_back(domain_from(domain));
    expect(names.insert(packed.domains.back().source.name).second, "a domain stands there twice");
  }
  expect(!packed.domains.empty(), "there is no domain");
  return packed;
}

}  // namespace

PackedFolder read_packed_folder(std::string const& folder) {
  auto const path = (std::filesystem::path(folder) / description_file).string();
  return parse_packed_folder(MappedFile(path).bytes(), path);
}

PackedFolder parse_packed_folder(std::string_view text, std::string const& path) {
  try {
    return folder_from(parse_strict_json(text, path));
  } catch (std::invalid_argument const& error) {
    throw UserError(fmt::format("{}: does not describe packed text: {}.", path, error.what()));
  } catch (json::exception const& error) {
    throw UserError(fmt::format("{}: does not describe packed text: {}.", path, error.what()));
  }
}

void write_description(PackedFolder const& packed, std::string const& folder) {
  ordered_json description = {{"format", format_name},
                              {"version", format_version},
                              {"tokenizer", "byte"},
                              {"vocab_size", packed.vocab_size},
                              {"token_type", "uint16, little-endian"},
                              {"held_out_fraction", packed.held_out_fraction},
                              {"max_bytes_per_domain", packed.max_bytes_per_domain},
                              {"domains", ordered_json::array()}};
  for (auto const& domain : packed.domains) description["domains"].push_back(json_of(domain));
  // Paths are bytes on this system; what is not UTF-8 in them is replaced in the description only.
  auto const text = description.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  AtomicFile file((std::filesystem::path(folder) / description_file).string());
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace moescope

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "base/error.hpp"
#include "data/data_source.hpp"
#include "data/documents.hpp"
#include "data/packed_folder.hpp"
#include "data/token_file.hpp"
#include "files/mapped_file.hpp"
#include "files/real_path.hpp"

namespace moescope {

namespace fs = std::filesystem;

namespace {

constexpr char const* name_characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

void check_options(PackOptions const& options) {
  if (options.output.empty()) throw UserError("the output folder has no name.");
  if (options.domains.empty()) throw UserError("there is no domain to pack; give at least one as NAME=PATH.");
  if (!(options.held_out_fraction >= 0 && options.held_out_fraction <= 0.5))
    throw UserError(fmt::format("the held-out fraction is {}; it must lie between 0 and 0.5.", options.held_out_fraction));
  if (options.max_bytes_per_domain < 0) throw UserError("the limit of bytes per domain must not be negative.");
  std::set<std::string> names;
  for (auto const& domain : options.domains) {
    if (domain.name.empty() || domain.name.find_first_not_of(name_characters) != std::string::npos)
      throw UserError(fmt::format("the domain name '{}' must consist of letters, digits, '_', '.' and '-'.", domain.name));
    if (!names.insert(domain.name).second) throw UserError(fmt::format("the domain '{}' is given twice.", domain.name));
    if (domain.paths.empty()) throw UserError(fmt::format("domain '{}' has no path.", domain.name));
  }
}

/// Where the folder really is, so that renaming it works for `dir/`, `.` and symbolic links.
fs::path target_of(std::string const& output) {
  try {
    auto const target = real_path(output);
    return target.has_filename() ? target : target.parent_path();
  } catch (fs::filesystem_error const& error) {
    throw UserError(fmt::format("{}: cannot be resolved: {}.", output, error.code().message()));
  }
}

/// Only a missing, an empty, or a packed folder with nothing else in it may be replaced.
void check_replaceable(fs::path const& target) {
  std::error_code error;
  auto const type = fs::status(target, error).type();
  if (type == fs::file_type::not_found) return;
  if (type != fs::file_type::directory) throw UserError(target.string() + ": the output must be a folder, and this is none.");
  if (fs::is_empty(target, error)) return;
  if (!is_packed_folder(target.string()))
    throw UserError(target.string() + ": exists and is no packed folder; choose another output.");
  std::set<std::string> own = {description_file};
  for (auto const& domain : read_packed_folder(target.string()).domains) own.insert({domain.train.file, domain.held_out.file});
  for (auto const& entry : fs::directory_iterator(target, error))
    if (own.count(entry.path().filename().string()) == 0)
      throw UserError(fmt::format("{}: also holds {}, which no packing made; choose another output.", target.string(),
                                  entry.path().filename().string()));
}

/// A folder beside the target that takes its place when it is complete, and vanishes otherwise.
class StagedFolder {
 public:
  explicit StagedFolder(fs::path target) : target_(std::move(target)), stage_(beside("packing")) {
    std::error_code error;
    fs::create_directories(stage_, error);
    if (error) throw UserError(fmt::format("{}: cannot be made: {}.", stage_.string(), error.message()));
  }
  ~StagedFolder() {
    std::error_code ignored;
    fs::remove_all(stage_, ignored);
  }
  std::string path() const { return stage_.string(); }
  void commit() {
    std::error_code error, ignored;
    auto const old = beside("old");
    if (fs::exists(target_, ignored)) fs::rename(target_, old, error);
    if (!error) fs::rename(stage_, target_, error);
    if (error) throw UserError(fmt::format("{}: cannot be put in place: {}.", target_.string(), error.message()));
    fs::remove_all(old, ignored);
  }

 private:
  fs::path beside(std::string const& purpose) const {
    return target_.string() + "." + purpose + "-" + std::to_string(::getpid());
  }
  fs::path target_, stage_;
};

/// A lone document is split by position.
std::vector<Document> at_least_two(std::vector<Document> documents, double held_out_fraction) {
  if (documents.size() > 1 || held_out_fraction == 0 || documents.front().bytes.size() < 2) return documents;
  auto const& [path, bytes] = documents.front();
  auto const held_out = std::max<std::int64_t>(1, std::llround(held_out_fraction * double(bytes.size())));
  auto const cut = bytes.end - held_out;
  return {{path, {0, cut}}, {path, {cut, bytes.end}}};
}

void pack_domain(PackedDomain& domain, std::vector<Document> const& documents, double held_out_fraction,
                 std::string const& folder) {
  TokenWriter train(folder, domain.source.name + ".train.bin"), held_out(folder, domain.source.name + ".held_out.bin");
  auto const period = held_out_fraction > 0 ? std::llround(std::min(1 / held_out_fraction, 1e18)) : INT64_MAX;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    MappedFile const file(documents[i].path);
    auto const [begin, end] = documents[i].bytes;
    if (file.size() < end) throw UserError(documents[i].path + ": became shorter while it was packed; pack again.");
    auto& part = held_out_fraction > 0 && std::int64_t(i) % period == 1 ? held_out : train;
    part.append_document(file.bytes().substr(std::size_t(begin), std::size_t(end - begin)));
  }
  domain.train = train.commit();
  domain.held_out = held_out.commit();
}

std::string summary_of(PackedFolder const& packed) {
  std::string text = fmt::format("{:<20} {:>10} {:>14} {:>16}  {}\n", "domain", "documents", "train tokens", "held-out tokens",
                                 "skipped (unreadable, empty, binary, duplicate)");
  for (auto const& domain : packed.domains)
    text += fmt::format("{:<20} {:>10} {:>14} {:>16}  {}, {}, {}, {}\n", domain.source.name,
                        domain.train.documents + domain.held_out.documents, domain.train.tokens, domain.held_out.tokens,
                        domain.skipped.unreadable, domain.skipped.empty, domain.skipped.binary, domain.skipped.duplicate);
  return text;
}

}  // namespace

std::string pack_text(PackOptions const& options) {
  check_options(options);
  auto const target = target_of(options.output);
  check_replaceable(target);
  StagedFolder stage(target);
  PackedFolder packed{byte_vocab_size, options.held_out_fraction, options.max_bytes_per_domain, {}};
  std::set<std::string> digests;
  for (auto const& domain : options.domains) {
    auto const found = find_documents(domain, options.max_bytes_per_domain, target.string(), digests);
    packed.domains.push_back({domain, found.skipped, {}, {}});
    pack_domain(packed.domains.back(), at_least_two(found.documents, options.held_out_fraction), options.held_out_fraction,
                stage.path());
  }
  write_description(packed, stage.path());
  stage.commit();
  return summary_of(packed);
}

bool is_packed_folder(std::string const& folder) {
  std::error_code ignored;
  return fs::is_regular_file(fs::path(folder) / description_file, ignored);
}

bool is_packed_from(PackOptions const& options) {
  if (!is_packed_folder(options.output)) return false;
  auto const packed = read_packed_folder(options.output);
  auto const source_of = [](PackedDomain const& domain) { return domain.source; };
  std::vector<DomainInput> sources;
  std::transform(packed.domains.begin(), packed.domains.end(), std::back_inserter(sources), source_of);
  return sources == options.domains && packed.held_out_fraction == options.held_out_fraction &&
         packed.max_bytes_per_domain == options.max_bytes_per_domain;
}

}  // namespace moescope

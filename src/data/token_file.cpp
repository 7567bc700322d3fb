#include "data/token_file.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace moescope {

namespace {

constexpr std::int64_t largest_checked_file = 64'000'000;
constexpr std::size_t chunk_bytes = 1 << 16;

std::string join(std::string const& folder, std::string const& name) { return (std::filesystem::path(folder) / name).string(); }

}  // namespace

TokenWriter::TokenWriter(std::string const& folder, std::string const& name) : file_(join(folder, name)) { part_.file = name; }

void TokenWriter::append_document(std::string_view bytes) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(chunk_bytes, bytes.size()))) append(bytes.substr(0, chunk_bytes));
  write({char(end_of_document & 0xFF), char(end_of_document >> 8)});
  ++part_.documents;
}

void TokenWriter::append(std::string_view bytes) {
  std::vector<char> encoded(2 * bytes.size(), 0);
  for (std::size_t i = 0; i < bytes.size(); ++i) encoded[2 * i] = bytes[i];
  write(encoded);
}

void TokenWriter::write(std::vector<char> const& encoded) {
  file_.write(encoded.data(), encoded.size());
  hash_.update({encoded.data(), encoded.size()});
  part_.tokens += std::int64_t(encoded.size() / 2);
}

PackedPart TokenWriter::commit() {
  file_.commit();
  part_.sha256 = hash_.hex();
  return part_;
}

TokenReader::TokenReader(std::string const& folder, PackedPart const& part, std::int64_t vocab_size)
    : path_(join(folder, part.file)), vocab_size_(vocab_size), file_(path_) {
  if (file_.size() % 2 != 0 || num_tokens() != part.tokens)
    throw UserError(fmt::format("{}: has {} bytes, {} says {} tokens of 2 bytes; pack the text again.", path_, file_.size(),
                                description_file, part.tokens));
  if (file_.size() < largest_checked_file && sha256_hex(file_.bytes()) != part.sha256)
    throw UserError(
        fmt::format("{}: its SHA-256 is not the one in {}; the file was changed, pack the text again.", path_, description_file));
}

int TokenReader::token(std::int64_t position) const {
  auto const* const bytes = reinterpret_cast<unsigned char const*>(file_.data()) + 2 * position;
  int const id = bytes[0] | bytes[1] << 8;
  if (id >= vocab_size_)
    throw UserError(
        fmt::format("{}: token {} is {}, the vocabulary has {}; pack the text again.", path_, position, id, vocab_size_));
  return id;
}

void TokenReader::read_window(std::int64_t start, std::int64_t length, int* tokens, int* targets) const {
  MOESCOPE_CHECK(start >= 0 && start + length < num_tokens());
  for (std::int64_t i = 0; i < length; ++i) {
    tokens[i] = token(start + i);
    targets[i] = token(start + i + 1);
  }
}

}  // namespace moescope

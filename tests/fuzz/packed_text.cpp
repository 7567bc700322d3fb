// Packed text: data.json, a NUL byte, then the bytes of one token file. In the JSON, @FILE stands for the token file's name and
// @DIGEST for its SHA-256, so that the search gets past the checksum.
#include "data/token_file.hpp"
#include "files/sha256.hpp"
#include "fuzz/memory_file.hpp"
#include "fuzz/only_user_errors.hpp"

namespace {

std::string replaced(std::string text, std::string const& word, std::string const& by) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size()))
    text.replace(at, word.size(), by);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  using namespace moescope;
  std::string_view const input(reinterpret_cast<char const*>(data), size);
  auto const end = std::min(input.find('\0'), input.size());
  auto const tokens = input.substr(std::min(end + 1, input.size()));
  fuzz::MemoryFile const file(tokens);
  auto const description =
      replaced(replaced(std::string(input.substr(0, end)), "@FILE", file.name()), "@DIGEST", sha256_hex(tokens));
  fuzz::only_user_errors([&] {
    auto const packed = parse_packed_folder(description, "data.json");
    for (auto const& domain : packed.domains) {
      fuzz::only_user_errors([&] {
        TokenReader const reader(fuzz::MemoryFile::folder(), domain.train, packed.vocab_size);
        std::vector<int> read(3, 0), next(3, 0);
        if (reader.num_tokens() > 3) reader.read_window(reader.num_tokens() - 4, 3, read.data(), next.data());
      });
    }
  });
  return 0;
}

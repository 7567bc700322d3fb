#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>

#include "packing.hpp"
#include "support/catch.hpp"
#include "support/user_error.hpp"

using namespace moescope;
namespace fs = std::filesystem;
using Documents = std::vector<std::string>;

namespace {

/// Files 00 .. n-1, each with its own text.
void write_numbered(TemporaryFolder const& folder, int count) {
  for (int i = 0; i < count; ++i)
    folder.write("in/" + std::to_string(i / 10) + std::to_string(i % 10), "text " + std::to_string(i));
}

std::string refusal(PackOptions const& options) {
  return user_error_of([&] { pack_text(options); });
}

std::size_t entries_of(std::string const& folder) {
  return std::size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("each byte is its own token and every document ends with 256") {
  TemporaryFolder const folder;
  std::string every_byte;
  for (int byte = 1; byte < 256; ++byte) every_byte += char(byte);
  folder.write("in/a", every_byte);
  folder.write("in/b", "line\r\nline\r\n");
  folder.write("in/c", "\xEF\xBB\xBF\xE6\xBC\xA2\n\n");
  pack_text(pack_options(folder / "out", {{"d", {folder / "in"}, ""}}, 0));
  std::vector<int> expected;
  for (int byte = 1; byte < 256; ++byte) expected.push_back(byte);
  expected.push_back(256);
  for (char const c : std::string("line\r\nline\r\n")) expected.push_back(c);
  expected.insert(expected.end(), {256, 0xEF, 0xBB, 0xBF, 0xE6, 0xBC, 0xA2, 10, 10, 256});
  CHECK(tokens_of(folder / "out/d.train.bin") == expected);
  CHECK(tokens_of(folder / "out/d.held_out.bin").empty());
}

TEST_CASE("every tenth document is held out, whole, in sorted order, and no document is in both parts") {
  TemporaryFolder const folder;
  write_numbered(folder, 25);
  pack_text(pack_options(folder / "out", {{"d", {folder / "in"}, ""}}, 0.1));
  auto const train = documents_of(folder / "out/d.train.bin"), held_out = documents_of(folder / "out/d.held_out.bin");
  CHECK(held_out == Documents{"text 1", "text 11", "text 21"});
  CHECK(train.size() == 22);
  CHECK(train.front() == "text 0");
  CHECK(train.back() == "text 24");
  for (auto const& document : held_out) CHECK(std::count(train.begin(), train.end(), document) == 0);
}

TEST_CASE("two documents are enough for a held-out part; a single one is split by position") {
  TemporaryFolder const folder;
  write_numbered(folder, 2);
  folder.write("lone", "0123456789abcdefghij");
  folder.write("byte", "x");
  pack_text(pack_options(folder / "out",
                         {{"two", {folder / "in"}, ""}, {"one", {folder / "lone"}, ""}, {"byte", {folder / "byte"}, ""}}, 0.1));
  CHECK(documents_of(folder / "out/two.held_out.bin") == Documents{"text 1"});
  CHECK(documents_of(folder / "out/one.train.bin") == Documents{"0123456789abcdefgh"});
  CHECK(documents_of(folder / "out/one.held_out.bin") == Documents{"ij"});
  CHECK(documents_of(folder / "out/byte.train.bin") == Documents{"x"});
  CHECK(documents_of(folder / "out/byte.held_out.bin").empty());
}

TEST_CASE("empty, binary, linked, odd and repeated files are skipped and counted") {
  TemporaryFolder const folder;
  folder.write("in/a.txt", "first");
  folder.write("in/b.txt", "");
  folder.write("in/c.txt", std::string("bin\0ary", 7));
  folder.write("in/deep/er/d.txt", "second");
  folder.write("in/deep/er/e.txt", "first");
  folder.write("in/\xE6\xBC\xA2\xE5\xAD\x97 \xFF'\"\n.txt", "odd name");
  fs::create_symlink("a.txt", folder / "in/link.txt");
  fs::create_symlink("self.txt", folder / "in/self.txt");
  fs::create_symlink("nowhere", folder / "in/dangling.txt");
  fs::create_directory_symlink("..", folder / "in/deep/loop");
  REQUIRE(::mkfifo((folder / "in/pipe.txt").c_str(), 0600) == 0);
  auto const summary = pack_text(pack_options(folder / "out", {{"d", {folder / "in"}, ""}}, 0));
  CHECK(documents_of(folder / "out/d.train.bin") == Documents{"first", "second", "odd name"});
  CHECK(mentions(summary, "0, 1, 1, 1"));
  DataSource const source({folder / "out", {}}, 2, 1, 257);
  CHECK(source.domains() == std::vector<std::string>{"d"});
}

TEST_CASE("a document of one domain is not repeated in another") {
  TemporaryFolder const folder;
  write_numbered(folder, 4);
  folder.write("more/copy", "text 1");
  folder.write("more/own", "text of its own");
  pack_text(pack_options(folder / "out", {{"d", {folder / "in"}, ""}, {"e", {folder / "more"}, ""}}, 0));
  CHECK(documents_of(folder / "out/e.train.bin") == Documents{"text of its own"});
}

TEST_CASE("suffixes select among files found in folders; a file that is named itself is always taken") {
  TemporaryFolder const folder;
  folder.write("in/a.py", "python");
  folder.write("in/b.h", "header");
  folder.write("in/c.hpp", "other");
  folder.write("in/py", "no suffix");
  folder.write("in/d.tar.gz", "archive");
  auto const packed = [&](std::string const& suffixes) {
    pack_text(pack_options(folder / "out", {{"d", {folder / "in"}, suffixes}}, 0));
    return documents_of(folder / "out/d.train.bin");
  };
  CHECK(packed("py,h") == Documents{"python", "header"});
  CHECK(packed(".py") == Documents{"python"});
  CHECK(packed("tar.gz") == Documents{"archive"});
  CHECK(packed("").size() == 5);
  pack_text(pack_options(folder / "out", {{"d", {folder / "in/c.hpp", folder / "in"}, "py"}}, 0));
  CHECK(documents_of(folder / "out/d.train.bin") == Documents{"other", "python"});
}

TEST_CASE("a domain stops at its limit and cuts the last document there") {
  TemporaryFolder const folder;
  for (auto const* name : {"a", "b", "c", "d"}) folder.write(std::string("in/") + name, std::string(10, *name));
  auto options = pack_options(folder / "out", {{"d", {folder / "in"}, ""}}, 0);
  options.max_bytes_per_domain = 25;
  pack_text(options);
  CHECK(documents_of(folder / "out/d.train.bin") == Documents{"aaaaaaaaaa", "bbbbbbbbbb", "ccccc"});
  options.max_bytes_per_domain = 20;
  pack_text(options);
  CHECK(documents_of(folder / "out/d.train.bin") == Documents{"aaaaaaaaaa", "bbbbbbbbbb"});
}

TEST_CASE("documents larger than any internal piece arrive whole") {
  TemporaryFolder const folder;
  std::string text;
  for (int i = 0; i < 300000; ++i) text += char('a' + i * 7 % 26);
  folder.write("in/a", text);
  pack_text(pack_options(folder / "out", {{"d", {folder / "in"}, ""}}, 0));
  CHECK((documents_of(folder / "out/d.train.bin") == Documents{text}));
}

TEST_CASE("packing twice gives the same bytes, also into the folder that is read") {
  TemporaryFolder const folder;
  write_numbered(folder, 30);
  auto const inside = pack_options(folder / "in/packed", {{"d", {folder / "in"}, ""}});
  pack_text(inside);
  pack_text(pack_options(folder / "out", {{"d", {folder / "in"}, ""}}, 0.1));
  auto const description = file_bytes(folder / "in/packed/data.json");
  CHECK(file_bytes(folder / "in/packed/d.train.bin").size() == 2 * tokens_of(folder / "in/packed/d.train.bin").size());
  pack_text(inside);
  CHECK(file_bytes(folder / "in/packed/data.json") == description);
}

TEST_CASE("the same inputs are recognised, and any other option is not") {
  TemporaryFolder const folder;
  write_numbered(folder, 3);
  auto const options = pack_options(folder / "out", {{"d", {folder / "in"}, ""}});
  CHECK_FALSE(is_packed_from(options));
  pack_text(options);
  CHECK(is_packed_from(options));
  auto other = options;
  other.held_out_fraction = 0.2;
  CHECK_FALSE(is_packed_from(other));
  other = options;
  other.max_bytes_per_domain = 5;
  CHECK_FALSE(is_packed_from(other));
  other = options;
  other.domains[0].suffixes = "txt";
  CHECK_FALSE(is_packed_from(other));
}

TEST_CASE("options that cannot be packed are refused by a sentence that names them, and leave nothing behind") {
  TemporaryFolder const folder;
  write_numbered(folder, 2);
  folder.write("binary/a", std::string(3, '\0'));
  fs::create_directory(folder / "bare");
  auto const in = folder / "in", out = folder / "out";
  for (auto const& [options, reason] : std::vector<std::pair<PackOptions, std::string>>{
           {pack_options(out, {}), "no domain"},
           {pack_options("", {{"d", {in}, ""}}), "no name"},
           {pack_options(out, {{"", {in}, ""}}), "''"},
           {pack_options(out, {{"a/b", {in}, ""}}), "'a/b'"},
           {pack_options(out, {{"a b", {in}, ""}}), "'a b'"},
           {pack_options(out, {{"\xC3\xA9", {in}, ""}}), "'\xC3\xA9'"},
           {pack_options(out, {{"d", {in}, ""}, {"d", {in}, ""}}), "'d' is given twice"},
           {pack_options(out, {{"d", {}, ""}}), "'d' has no path"},
           {pack_options(out, {{"d", {folder / "absent"}, ""}}), "neither a file nor a folder"},
           {pack_options(out, {{"d", {"/dev/null"}, ""}}), "neither a file nor a folder"},
           {pack_options(out, {{"d", {in}, "py"}}), "no text file with suffix py"},
           {pack_options(out, {{"d", {folder / "bare"}, ""}}), "no text file found"},
           {pack_options(out, {{"d", {folder / "binary"}, ""}}), "1 binary"},
           {pack_options(out, {{"d", {in}, ""}, {"again", {in}, ""}}), "2 duplicate"},
           {pack_options(out, {{"d", {in}, ""}}, -0.1), "held-out fraction"},
           {pack_options(out, {{"d", {in}, ""}}, 0.51), "held-out fraction"},
           {pack_options(out, {{"d", {in}, ""}}, std::nan("")), "held-out fraction"},
           {pack_options(folder / "in/00/below", {{"d", {in}, ""}}), "in/00/below"},
           {pack_options(in, {{"d", {in}, ""}}), "no packed folder"},
           {pack_options(folder / "in/00", {{"d", {in}, ""}}), "must be a folder"}}) {
    auto const before = entries_of(folder.path());
    auto const sentence = refusal(options);
    INFO(reason << " -> " << sentence);
    CHECK(mentions(sentence, reason));
    CHECK(entries_of(folder.path()) == before);
  }
}

TEST_CASE("a packed folder with a foreign file in it is not replaced") {
  TemporaryFolder const folder;
  write_numbered(folder, 2);
  auto const options = pack_options(folder / "out", {{"d", {folder / "in"}, ""}});
  pack_text(options);
  folder.write("out/notes.txt", "precious");
  CHECK(mentions(refusal(options), "notes.txt"));
  CHECK(file_bytes(folder / "out/notes.txt") == "precious");
}

TEST_CASE("a trailing slash, an empty folder and a link are fine as output") {
  TemporaryFolder const folder;
  write_numbered(folder, 2);
  fs::create_directory(folder / "real");
  fs::create_directory_symlink("real", folder / "link");
  for (auto const& output : {folder / "new/deep/", folder / "link", folder / "real/"}) {
    pack_text(pack_options(output, {{"d", {folder / "in"}, ""}}));
    CHECK(is_packed_folder(output));
  }
  CHECK(fs::is_symlink(folder / "link"));
}

TEST_CASE("when the disk is full the old packed folder stays and the message names the file") {
  TemporaryFolder const folder;
  folder.write("in/a", "small");
  auto const options = pack_options(folder / "out", {{"d", {folder / "in"}, ""}});
  pack_text(options);
  auto const before = file_bytes(folder / "out/data.json");
  folder.write("in/a", std::string(100000, 'x'));

  rlimit old_limit{};
  getrlimit(RLIMIT_FSIZE, &old_limit);
  rlimit const small{16384, old_limit.rlim_max};
  auto const handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  auto const sentence = refusal(options);
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, handler);
  CHECK((mentions(sentence, "d.train.bin") && mentions(sentence, "cannot be written")));
  CHECK(file_bytes(folder / "out/data.json") == before);
  CHECK(entries_of(folder.path()) == 2);
}

#include "apps/data_command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "packing.hpp"
#include "support/catch.hpp"
#include "support/user_error.hpp"

using namespace moescope;

namespace {

void run(std::vector<std::string> arguments) {
  CLI::App app("test");
  add_data_command(app);
  arguments.insert(arguments.begin(), {"data", "pack"});
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
}

struct Texts {
  TemporaryFolder folder;
  Texts() {
    folder.write("in/a.py", "python");
    folder.write("in/b.h", "header");
    folder.write("more/c.py", "more python");
    folder.write("with:colon/d.py", "colon");
  }
};

}  // namespace

TEST_CASE("domains, suffixes and repeated names reach the packed folder") {
  Texts const texts;
  auto const& folder = texts.folder;
  run({"--out", folder / "out", "--domain", "py=" + (folder / "in") + ":py", "--domain", "py=" + (folder / "more") + ":py",
       "--domain", "c=" + (folder / "in") + ":h,hpp", "--domain", "colon=" + (folder / "with:colon"), "--held-out", "0"});
  CHECK(documents_of(folder / "out/py.train.bin") == std::vector<std::string>{"python", "more python"});
  CHECK(documents_of(folder / "out/c.train.bin") == std::vector<std::string>{"header"});
  CHECK(documents_of(folder / "out/colon.train.bin") == std::vector<std::string>{"colon"});
}

TEST_CASE("a folder packed from the same inputs is left alone; from others only --force replaces it") {
  Texts const texts;
  auto const& folder = texts.folder;
  std::vector<std::string> const same = {"--out", folder / "out", "--domain", "d=" + (folder / "in")};
  run(same);
  auto const written = std::filesystem::last_write_time(folder / "out/data.json");
  run(same);
  CHECK(std::filesystem::last_write_time(folder / "out/data.json") == written);
  std::vector<std::string> other = {"--out", folder / "out", "--domain", "d=" + (folder / "more")};
  CHECK(mentions(user_error_of([&] { run(other); }), "--force"));
  other.push_back("--force");
  run(other);
  CHECK(documents_of(folder / "out/d.train.bin").front().substr(0, 4) == "more");
}

TEST_CASE("the limit is in MB of 1e6 bytes") {
  Texts const texts;
  run({"--out", texts.folder / "out", "--domain", "d=" + (texts.folder / "in"), "--max-mb", "0.000008", "--held-out", "0"});
  CHECK(documents_of(texts.folder / "out/d.train.bin") == std::vector<std::string>{"python", "he"});
}

TEST_CASE("arguments that mean nothing are refused by name") {
  Texts const texts;
  auto const in = texts.folder / "in", out = texts.folder / "out";
  for (std::string const domain : {"d", "d=", "=x"})
    CHECK(mentions(user_error_of([&] { run({"--out", out, "--domain=" + domain}); }), "NAME=PATH"));
  CHECK(mentions(user_error_of([&] {
                   run({"--out", out, "--domain", "d=" + in + ":py", "--domain", "d=" + in + ":h"});
                 }),
                 "suffixes"));
  CHECK(mentions(user_error_of([&] { run({"--out", out, "--domain", "d=" + in, "--max-mb", "-1"}); }), "--max-mb"));
  CHECK(mentions(user_error_of([&] { run({"--out", out, "--domain", "d=" + in, "--held-out", "2"}); }), "held-out fraction"));
  CHECK_THROWS_AS(run({"--out", out}), CLI::ParseError);
  CHECK_THROWS_AS(run({"--domain", "d=" + in}), CLI::ParseError);
  CHECK_FALSE(std::filesystem::exists(out));
}

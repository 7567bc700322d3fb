#include <cmath>
#include <filesystem>
#include <limits>

#include "files/sha256.hpp"
#include "packing.hpp"
#include "support/catch.hpp"
#include "support/user_error.hpp"

using namespace moescope;

namespace {

/// Domains `long` (1001 tokens to train on) and `short` (11), 10 % held out by position.
struct Packed {
  TemporaryFolder folder;
  Packed() {
    folder.write("long", std::string(1000, 'l') + std::string(111, 'L'));
    folder.write("short", "0123456789s");
    pack_text(pack_options(folder / "out", {{"long", {folder / "long"}, ""}, {"short", {folder / "short"}, ""}}));
  }
  std::string out() const { return folder / "out"; }
};

std::string refusal(DataConfig const& config, std::int64_t sequence_length = 4, std::int64_t vocab_size = 257) {
  return user_error_of([&] { DataSource const source(config, sequence_length, 1, vocab_size); });
}

void replace(std::string& text, std::string const& from, std::string const& to) {
  auto const at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a folder that was not packed is refused with the command that packs") {
  TemporaryFolder const folder;
  CHECK(mentions(refusal({"", {}}), "data.path"));
  for (auto const& path : {folder.path(), folder / "absent"}) {
    auto const sentence = refusal({path, {}});
    CHECK((mentions(sentence, path) && mentions(sentence, "moescope data pack")));
  }
}

TEST_CASE("a vocabulary larger than the model's is refused, an equal or smaller one is not") {
  Packed const packed;
  auto const sentence = refusal({packed.out(), {}}, 4, 256);
  CHECK((mentions(sentence, "257") && mentions(sentence, "256") && mentions(sentence, "model.vocab_size")));
  CHECK(refusal({packed.out(), {}}, 4, 257).empty());
  CHECK(refusal({packed.out(), {}}, 4, 32000).empty());
}

TEST_CASE("weights are refused by name") {
  Packed const packed;
  for (auto const& [weights, reason] : std::vector<std::pair<std::vector<std::pair<std::string, double>>, std::string>>{
           {{{"lang", 1.0}}, "'lang'"},
           {{{"lang", 1.0}}, "long, short"},
           {{{"long", 1.0}, {"long", 1.0}}, "twice"},
           {{{"long", -1.0}}, "'long'"},
           {{{"long", std::nan("")}}, "'long'"},
           {{{"long", std::numeric_limits<double>::infinity()}}, "'long'"},
           {{{"long", 0.0}, {"short", 0.0}}, "positive"},
           {{{"long", 1e308}, {"short", 1e308}}, "finite"}})
    CHECK(mentions(refusal({packed.out(), weights}), reason));
}

TEST_CASE("a training part that holds no whole sequence with its targets is refused, if it is drawn from") {
  Packed const packed;
  CHECK(refusal({packed.out(), {}}, 10).empty());
  auto const sentence = refusal({packed.out(), {}}, 11);
  CHECK((mentions(sentence, "'short'") && mentions(sentence, "11 tokens") && mentions(sentence, "needs 12")));
  CHECK(refusal({packed.out(), {{"long", 1.0}}}, 11).empty());
}

TEST_CASE("a held-out part that holds no whole sequence is refused when evaluation is asked for") {
  Packed const packed;
  DataSource const source({packed.out(), {}}, 4, 1, 257);
  auto const sentence = user_error_of([&] { source.require_held_out(); });
  CHECK((mentions(sentence, "held-out part of domain 'short' has 2 tokens") && mentions(sentence, "needs 5")));
  CHECK(user_error_of([&] { source.held_out(1, 0, 1, 1); }) == sentence);
  CHECK(source.held_out(0, 0, 1, 1).tokens == std::vector<int>{'L', 'L', 'L', 'L'});
  DataSource const fits({packed.out(), {}}, 1, 1, 257);
  CHECK(user_error_of([&] { fits.require_held_out(); }).empty());
}

TEST_CASE("files that contradict data.json are refused by name") {
  Packed const packed;
  auto const path = packed.out() + "/long.train.bin";
  auto const whole = file_bytes(path);
  for (auto const& bytes : {whole.substr(0, whole.size() - 1), whole.substr(0, whole.size() - 2), whole + "xx", std::string()}) {
    packed.folder.write("out/long.train.bin", bytes);
    CHECK((mentions(refusal({packed.out(), {}}), path) && mentions(refusal({packed.out(), {}}), "tokens of 2 bytes")));
  }
  auto changed = whole;
  changed[1234] = 'X';
  packed.folder.write("out/long.train.bin", changed);
  CHECK((mentions(refusal({packed.out(), {}}), path) && mentions(refusal({packed.out(), {}}), "SHA-256")));
  std::filesystem::remove(path);
  CHECK((mentions(refusal({packed.out(), {}}), path) && mentions(refusal({packed.out(), {}}), "No such file")));
}

TEST_CASE("a token outside the vocabulary is refused where it stands") {
  Packed const packed;
  auto bytes = file_bytes(packed.out() + "/long.train.bin");
  auto description = file_bytes(packed.out() + "/data.json");
  auto const old_digest = sha256_hex(bytes);
  for (std::size_t i = 1; i < bytes.size(); i += 2) bytes[i] = 2;
  packed.folder.write("out/long.train.bin", bytes);
  replace(description, old_digest, sha256_hex(bytes));
  packed.folder.write("out/data.json", description);
  DataSource const source({packed.out(), {{"long", 1.0}}}, 4, 1, 257);
  auto const sentence = user_error_of([&] { source.training(0, 1); });
  CHECK((mentions(sentence, "long.train.bin") && mentions(sentence, "the vocabulary has 257")));
}

TEST_CASE("a data.json that is broken, foreign or of another version is refused by name") {
  Packed const packed;
  auto const whole = file_bytes(packed.out() + "/data.json");
  for (auto const& [from, to] : std::vector<std::pair<std::string, std::string>>{{"{", ""},
                                                                                 {"moescope packed text", "something else"},
                                                                                 {"\"version\": 1", "\"version\": 2"},
                                                                                 {"\"version\": 1", "\"version\": \"1\""},
                                                                                 {"\"byte\"", "\"bpe\""},
                                                                                 {"\"vocab_size\": 257", "\"vocab_size\": 0"},
                                                                                 {"\"vocab_size\": 257", "\"vocab_size\": 65537"},
                                                                                 {"\"vocab_size\": 257", "\"vocab_size\": null"},
                                                                                 {"\"vocab_size\": 257,", ""},
                                                                                 {"\"name\": \"short\"", "\"name\": \"long\""},
                                                                                 {"\"name\": \"short\"", "\"name\": 3"},
                                                                                 {"\"train\"", "\"trains\""},
                                                                                 {"\"long.train.bin\"", "\"../long\""},
                                                                                 {"\"long.train.bin\"", "\"\""},
                                                                                 {"\"tokens\": 1", "\"tokens\": -1"},
                                                                                 {"\"tokens\": 1", "\"tokens\": 1e30, \"n\": 1"},
                                                                                 {"\"tokens\": 1", "\"tokens\": true, \"n\": 1"},
                                                                                 {"\"domains\": [", "\"domains\": [1,"},
                                                                                 {"\"domains\"", "\"domains\": [], \"other\""}}) {
    auto text = whole;
    replace(text, from, to);
    packed.folder.write("out/data.json", text);
    auto const sentence = refusal({packed.out(), {}});
    INFO(from << " -> " << to << ": " << sentence);
    CHECK((mentions(sentence, "data.json: does not describe packed text") ||
           mentions(sentence, "data.json: the JSON is not valid")));
  }
  for (std::size_t size = 0; size + 2 < whole.size(); size += 97) {
    packed.folder.write("out/data.json", whole.substr(0, size));
    CHECK(mentions(refusal({packed.out(), {}}), "data.json: the JSON is not valid"));
  }
}

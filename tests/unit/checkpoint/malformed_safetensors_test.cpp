#include <filesystem>

#include "checkpoint/safetensors.hpp"
#include "safetensors_bytes.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/user_error.hpp"

using namespace moescope;

namespace {

struct Malformed {
  std::string header;
  std::size_t buffer_bytes;
  std::string sentence;  ///< what the refusal must say
};

std::string entry(std::string const& name, std::string const& dtype, std::string const& shape, std::string const& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string refusal(std::string const& path) {
  return user_error_of([&] { Safetensors const file(path); });
}

std::vector<Malformed> const malformed = {
    // JSON
    {"", 0, "does not begin with '{'"},
    {" {}", 0, "does not begin with '{'"},
    {"[]", 0, "does not begin with '{'"},
    {"{", 0, "JSON is not valid"},
    {"{}}", 0, "JSON is not valid"},
    {"{} {}", 0, "JSON is not valid"},
    {"{" + entry("a", "F32", "[1]", "[0,4]") + ",}", 4, "JSON is not valid"},
    {"{" + entry("a\xFF", "F32", "[1]", "[0,4]") + "}", 4, "JSON is not valid"},
    {"{" + entry("a\xC0\x80", "F32", "[1]", "[0,4]") + "}", 4, "JSON is not valid"},
    {"{" + entry("a", "F32", "[1]", "[0,4]") + "}" + std::string(1, '\0') + "x", 4, "NUL"},
    {std::string(100000, '{'), 0, "JSON is not valid"},
    {"{\"a\":" + std::string(100000, '[') + "}", 0, "nested more than 64 deep"},
    // keys
    {"{" + entry("a", "F32", "[1]", "[0,4]") + "," + entry("a", "F32", "[1]", "[4,8]") + "}", 8, "'a' stands twice"},
    {R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, "'dtype' stands twice"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8,
     "'a' stands twice"},
    {R"({"a":3})", 0, "tensor 'a': its header entry is not an object"},
    {R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4, "'a' has no dtype"},
    {R"({"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}})", 4, "'a' has no dtype"},
    {R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4, "'a' has no list 'shape'"},
    {R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4, "'a' has no list 'shape'"},
    {R"({"a":{"dtype":"F32","shape":[1]}})", 4, "'a' has no list 'data_offsets'"},
    {R"({"__metadata__":{"step":3}})", 0, "__metadata__"},
    {R"({"__metadata__":[]})", 0, "__metadata__"},
    // numbers
    {"{" + entry("a", "F32", "[-1]", "[0,4]") + "}", 4, "non-negative"},
    {"{" + entry("a", "F32", "[1.5]", "[0,4]") + "}", 4, "non-negative"},
    {"{" + entry("a", "F32", "[\"1\"]", "[0,4]") + "}", 4, "non-negative"},
    {"{" + entry("a", "F32", "[1]", "[0,4e0]") + "}", 4, "non-negative"},
    {"{" + entry("a", "F32", "[18446744073709551615]", "[0,4]") + "}", 4, "non-negative"},
    {"{" + entry("a", "F32", "[99999999999999999999999]", "[0,4]") + "}", 4, "non-negative"},
    {"{" + entry("a", "F32", "[1]", "[-4,0]") + "}", 4, "non-negative"},
    {"{" + entry("a", "F32", "[1]", "[0]") + "}", 4, "[begin, end]"},
    {"{" + entry("a", "F32", "[1]", "[0,4,8]") + "}", 8, "[begin, end]"},
    {"{" + entry("a", "F32", "[1]", "[4,0]") + "}", 4, "[begin, end]"},
    // sizes
    {"{" + entry("a", "F33", "[1]", "[0,4]") + "}", 4, "unknown dtype 'F33'"},
    {"{" + entry("a", "F32", "[2]", "[0,4]") + "}", 4, "need 8 bytes"},
    {"{" + entry("a", "BF16", "[2,3]", "[0,24]") + "}", 24, "need 12 bytes"},
    {"{" + entry("a", "F4", "[3]", "[0,1]") + "}", 1, "whole bytes"},
    {"{" + entry("a", "F64", "[4294967296,4294967296]", "[0,0]") + "}", 0, "overflows"},
    {"{" + entry("a", "F64", "[4611686018427387904,4]", "[0,0]") + "}", 0, "overflows"},
    {"{" + entry("a", "U8", "[2305843009213693952]", "[0,0]") + "}", 0, "overflows"},
    {"{" + entry("a", "F64", "[9223372036854775807,9223372036854775807,0]", "[0,0]") + "}", 0, "overflows"},
    // ranges
    {"{" + entry("a", "F32", "[1]", "[4,8]") + "}", 8,
     "'a' begins at byte 4 of the buffer, the one before it ends at 0: there is a hole"},
    {"{" + entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[1]", "[8,12]") + "}", 12, "'b' begins at byte 8"},
    {"{" + entry("a", "F32", "[2]", "[0,8]") + "," + entry("b", "F32", "[1]", "[4,8]") + "}", 8, "an overlap"},
    {"{" + entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[1]", "[0,4]") + "}", 4, "an overlap"},
    {"{" + entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[0]", "[2,2]") + "}", 4, "begins at byte"},
    {"{" + entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[0]", "[9,9]") + "}", 4, "a hole"},
    {"{" + entry("a", "F32", "[1]", "[0,4]") + "}", 3, "truncated: tensor 'a' ends at byte 4 of the buffer, the file holds 3"},
    {"{" + entry("a", "F32", "[1]", "[0,4]") + "}", 5, "1 bytes behind the last tensor"},
    {"{}", 1, "1 bytes behind the last tensor"},
};

}  // namespace

TEST_CASE("a malformed header is refused by a sentence that names the file and the reason") {
  TemporaryFolder const folder;
  for (auto const& row : malformed) {
    auto const path = folder.write("bad.safetensors", safetensors_bytes(row.header, std::string(row.buffer_bytes, 'x')));
    auto const sentence = refusal(path);
    INFO(row.header.substr(0, 200) << "\n -> " << sentence);
    CHECK(mentions(sentence, path));
    CHECK(mentions(sentence, row.sentence));
  }
}

TEST_CASE("zero-size tensors may stand anywhere between others, and a leading zero tames large extents") {
  TemporaryFolder const folder;
  auto const header = "{" + entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[0,7]", "[0,0]") + "," +
                      entry("c", "F32", "[0,9223372036854775807]", "[4,4]") + "}";
  Safetensors const file(folder.write("t", safetensors_bytes(header, std::string(4, '\0'))));
  CHECK(file.read("a") == std::vector<double>{0});
  CHECK(file.read("b").empty());
  CHECK(file.read("c").empty());
}

TEST_CASE("a file cut at any length is refused") {
  TemporaryFolder const folder;
  auto const whole = safetensors_bytes("{" + entry("a", "F32", "[3]", "[0,12]") + "," + entry("b", "I64", "[1]", "[12,20]") + "}",
                                       std::string(20, 'x'));
  CHECK(refusal(folder.write("t", whole)).empty());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    auto const path = folder.write("t", whole.substr(0, length));
    INFO("length " << length);
    CHECK(mentions(refusal(path), path));
  }
  CHECK_FALSE(refusal(folder.write("t", whole + "x")).empty());
}

TEST_CASE("a header length that lies is refused without reading that much") {
  TemporaryFolder const folder;
  for (std::uint64_t const length : {std::uint64_t(3), std::uint64_t(100'000'000), std::uint64_t(100'000'001), ~std::uint64_t(0),
                                     ~std::uint64_t(0) - 7, std::uint64_t(1) << 63})
    CHECK(mentions(refusal(folder.write("t", raw<std::uint64_t>({length}) + "{}")), "header claims"));
}

TEST_CASE("what is no regular file is refused") {
  TemporaryFolder const folder;
  CHECK(mentions(refusal(folder / "absent"), "cannot be opened"));
  CHECK(mentions(refusal(folder.path()), "folder"));
  CHECK(mentions(refusal("/dev/null"), "regular"));
}

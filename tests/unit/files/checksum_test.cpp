#include "files/checksum.hpp"

#include "support/catch.hpp"

using namespace moescope;

TEST_CASE("the checksum is CRC-32, in whatever pieces the bytes come") {
  Checksum whole, pieces, nothing;
  whole.update("123456789");
  pieces.update("1234");
  pieces.update("");
  pieces.update("56789");
  CHECK(whole.value() == 0xCBF43926);  // the check value of the CRC catalogue (CRC-32/ISO-HDLC)
  CHECK(pieces.value() == whole.value());
  CHECK(nothing.value() == 0);
}

#pragma once
#include <cstdint>
#include <string_view>

namespace moescope {

/// CRC-32 (that of zlib and gzip) of bytes that arrive in pieces: finds damage, not forgery.
class Checksum {
 public:
  void update(std::string_view bytes);
  std::uint32_t value() const { return value_; }

 private:
  std::uint32_t value_ = 0;
};

}  // namespace moescope

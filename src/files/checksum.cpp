#include "files/checksum.hpp"

#include <zlib.h>

namespace moescope {

void Checksum::update(std::string_view bytes) {
  if (!bytes.empty())
    value_ = std::uint32_t(::crc32_z(value_, reinterpret_cast<unsigned char const*>(bytes.data()), bytes.size()));
}

}  // namespace moescope

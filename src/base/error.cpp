#include "base/error.hpp"

namespace moescope::detail {

void check_failed(char const* expression, char const* file, int line) {
  throw std::logic_error(std::string(file) + ":" + std::to_string(line) + ": broken precondition: " + expression);
}

}  // namespace moescope::detail

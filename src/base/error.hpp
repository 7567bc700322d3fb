#pragma once
#include <stdexcept>
#include <string>

namespace moescope {

/// Something a user can cause: a wrong key, an impossible layout, a truncated file.
/// The message is one sentence that says what, where and what would be right; `apps` prints it and exits with 1.
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {
[[noreturn]] void check_failed(char const* expression, char const* file, int line);
}

}  // namespace moescope

/// A precondition that only a programmer can break; throws std::logic_error with file and line, in every build type.
#define MOESCOPE_CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::moescope::detail::check_failed(#expression, __FILE__, __LINE__))

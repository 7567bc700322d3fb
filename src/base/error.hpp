#pragma once
#include <exception>
#include <stdexcept>
#include <string>

namespace moescope {

/// Something a user can cause: a wrong key, an impossible layout, a truncated file.
/// The message is one sentence that says what, where and what would be right; `apps` prints it and exits with 1.
/// Whatever it quotes of a damaged file, it stays one line of at most 1500 bytes: control characters become blanks, and the
/// middle of more is left out.
class UserError : public std::runtime_error {
 public:
  explicit UserError(std::string const& sentence);
};

/// What an exception says; of one for want of memory, a sentence with what would help.
std::string sentence_of(std::exception const& error);

namespace detail {
[[noreturn]] void check_failed(char const* expression, char const* file, int line);
}

}  // namespace moescope

/// A precondition that only a programmer can break; throws std::logic_error with file and line, in every build type.
#define MOESCOPE_CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::moescope::detail::check_failed(#expression, __FILE__, __LINE__))

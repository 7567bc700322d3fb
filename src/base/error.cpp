#include "base/error.hpp"

#include <algorithm>
#include <new>

namespace moescope {

namespace {

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return text;
}

/// The nearest place not after `at` where no UTF-8 character is cut.
std::size_t between_characters(std::string const& text, std::size_t at) {
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

std::string in_short(std::string const& text) {
  constexpr std::size_t head = 1000, tail = 480;
  if (text.size() <= head + tail) return text;
  return text.substr(0, between_characters(text, head)) + " [...] " + text.substr(between_characters(text, text.size() - tail));
}

}  // namespace

UserError::UserError(std::string const& sentence) : std::runtime_error(in_short(one_line(sentence))) {}

std::string sentence_of(std::exception const& error) {
  std::string const what = error.what();
  bool const in_kokkos = what.find("failed to allocate") != std::string::npos;
  if (!in_kokkos && dynamic_cast<std::bad_alloc const*>(&error) == nullptr) return what;
  return "ran out of memory (" + what + "); use more ranks, more batch.micro_steps or a smaller model";
}

namespace detail {

void check_failed(char const* expression, char const* file, int line) {
  throw std::logic_error(std::string(file) + ":" + std::to_string(line) + ": broken precondition: " + expression);
}

}  // namespace detail

}  // namespace moescope

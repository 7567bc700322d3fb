#pragma once
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "base/error.hpp"

namespace moescope::fuzz {

/// Whatever a file holds, reading it succeeds or ends in a UserError of one line; anything else is a crash to be mended.
template <class Action>
void only_user_errors(Action&& action) {
  try {
    action();
  } catch (UserError const& error) {
    std::string_view const sentence = error.what();
    bool const one_line = std::none_of(sentence.begin(), sentence.end(), [](unsigned char c) { return c < ' '; });
    if (one_line && !sentence.empty() && sentence.size() <= 1500) return;
    std::fprintf(stderr, "no sentence of one line: %s\n", error.what());
    std::abort();
  } catch (std::exception const& error) {
    std::fprintf(stderr, "no UserError: %s\n", error.what());
    std::abort();
  }
}

}  // namespace moescope::fuzz

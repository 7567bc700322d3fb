#pragma once
#include <string>

#include "base/error.hpp"

/// The sentence of the UserError that `action` throws; empty if it throws none.
template <class Action>
std::string user_error_of(Action const& action) {
  try {
    action();
  } catch (moescope::UserError const& error) {
    return error.what();
  }
  return {};
}

inline bool mentions(std::string const& sentence, std::string const& part) { return sentence.find(part) != std::string::npos; }

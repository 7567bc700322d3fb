#include "base/error.hpp"

#include <fmt/format.h>

#include "record/hdf5/handle.hpp"

namespace moescope::hdf5 {
namespace {

herr_t take_innermost(unsigned depth, H5E_error2_t const* frame, void* text) {
  if (depth == 0 && frame->desc) *static_cast<std::string*>(text) = frame->desc;
  return 0;
}

/// The operating system's words where HDF5 quotes them ("..., error message = 'No space left on device', ...").
std::string operating_system_reason(std::string const& description) {
  constexpr std::string_view mark = "error message = '";
  auto const begin = description.find(mark);
  if (begin == std::string::npos) return description;
  auto const first = begin + mark.size();
  return description.substr(first, description.find('\'', first) - first);
}

std::string reason() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, &text);
  return text.empty() ? "HDF5 gives no reason" : operating_system_reason(text);
}

}  // namespace

void fail(std::string_view action, std::string_view path) {
  throw UserError(fmt::format("cannot {} {}: {}", action, path, reason()));
}

}  // namespace moescope::hdf5

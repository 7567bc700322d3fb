#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace moescope {

/// Parses UTF-8 JSON and refuses what nlohmann's DOM lets pass in silence: duplicate keys (it keeps the last), NUL bytes (it
/// stops there) and nesting so deep that writing it back would exhaust the stack. Throws UserError that begins with `source`.
nlohmann::json parse_strict_json(std::string_view text, std::string const& source);

}  // namespace moescope

#include "files/strict_json.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/error.hpp"

namespace moescope {

namespace {

constexpr int deepest = 64;  ///< nesting; what writes JSON back recurses

/// Follows the parser through the open objects and remembers the keys of each.
class Strictness {
 public:
  explicit Strictness(std::string const& source) : source_(source) {}

  bool operator()(int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > deepest)
      throw UserError(
          fmt::format("{}: the JSON is nested more than {} deep, more than any that is meant for this.", source_, deepest));
    if (event == Event::object_start) open_.emplace_back();
    if (event == Event::object_end) open_.pop_back();
    if (event == Event::key && !open_.back().insert(parsed.get<std::string>()).second)
      throw UserError(fmt::format("{}: the key '{}' stands twice in the same JSON object.", source_, parsed.get<std::string>()));
    return true;
  }

 private:
  std::string const& source_;
  std::vector<std::set<std::string>> open_;
};

}  // namespace

nlohmann::json parse_strict_json(std::string_view text, std::string const& source) {
  if (text.find('\0') != std::string_view::npos) throw UserError(fmt::format("{}: the JSON contains a NUL byte.", source));
  try {
    Strictness strictness(source);
    return nlohmann::json::parse(text.begin(), text.end(), std::ref(strictness));
  } catch (nlohmann::json::exception const& error) {
    throw UserError(fmt::format("{}: the JSON is not valid: {}.", source, error.what()));
  }
}

}  // namespace moescope

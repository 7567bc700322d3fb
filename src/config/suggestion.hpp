#pragma once
#include <string>
#include <string_view>

namespace moescope {

/// "did you mean model.top_k?", or the list of what is known where nothing is near. `path` is "section.name" of a key that
/// does not exist. The nearest is looked for in its own section first where that section exists, else in all.
std::string suggest_key(std::string_view path);

/// The same for the name of a section.
std::string suggest_section(std::string_view section);
bool is_section(std::string_view section);

}  // namespace moescope

#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace moescope {

/// What differs between two run files: configuration, provenance, results, and where both have the same computation_key how far
/// decisions and losses agree. Real numbers that are missing or infinite are null in the JSON. Times stand side by side and
/// are not compared: a launch is one sample (docs/definitions.md, "Warm-up and the free window").
/// Throws UserError if either file cannot be read.
nlohmann::ordered_json compare(std::string const& path_a, std::string const& path_b);

/// The same to be read by people.
std::string comparison_text(nlohmann::ordered_json const& comparison);

}  // namespace moescope

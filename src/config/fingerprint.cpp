#include "base/sha256.hpp"
#include "config/key.hpp"

namespace moescope {
namespace {

std::string text_of(nlohmann::json const& json) { return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

nlohmann::json values_that_decide(RunConfig config, Decides what) {
  return values_of(keys_of(config), [&](Key const& key) { return key.decides == what; });
}

}  // namespace

std::string to_json(RunConfig const& config) {
  auto copy = config;
  return text_of(values_of(keys_of(copy), [](Key const&) { return true; }));
}

std::string computation_key(RunConfig const& config, std::string const& data_fingerprint) {
  auto values = values_that_decide(config, Decides::numbers);
  values["data"]["fingerprint"] = data_fingerprint;
  return sha256_hex(text_of(values));
}

std::string cell_key(RunConfig const& config, std::int64_t threads, std::string const& build,
                     std::string const& data_fingerprint) {
  auto values = values_that_decide(config, Decides::cell);
  values["computation"] = computation_key(config, data_fingerprint);
  values["threads"] = threads;
  values["build"] = build;
  return sha256_hex(text_of(values));
}

}  // namespace moescope

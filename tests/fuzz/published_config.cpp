// A model's config.json as it is published.
#include <nlohmann/json.hpp>

#include "config/families/published_router.hpp"
#include "config/run_config.hpp"
#include "files/strict_json.hpp"
#include "fuzz/only_user_errors.hpp"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  using namespace moescope;
  std::string const text(reinterpret_cast<char const*>(data), size);
  fuzz::only_user_errors([&] {
    RunConfig config;
    config.model = model_from_hugging_face(text, "config.json");
    if (computation_key(config).size() != 64) std::abort();
  });
  fuzz::only_user_errors([&] { router_from_hugging_face(parse_strict_json(text, "config.json"), "config.json"); });
  return 0;
}

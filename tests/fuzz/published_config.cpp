// A model's config.json as it is published.
#include "config/run_config.hpp"
#include "fuzz/only_user_errors.hpp"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  using namespace moescope;
  std::string const text(reinterpret_cast<char const*>(data), size);
  fuzz::only_user_errors([&] {
    RunConfig config;
    config.model = model_from_hugging_face(text, "config.json");
    if (computation_key(config).size() != 64) std::abort();
  });
  return 0;
}

// A safetensors file: every tensor of it is read as numbers and as integers.
#include "checkpoint/safetensors.hpp"

#include "fuzz/memory_file.hpp"
#include "fuzz/only_user_errors.hpp"

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  using namespace moescope;
  fuzz::MemoryFile const file({reinterpret_cast<char const*>(data), size});
  fuzz::only_user_errors([&] {
    Safetensors const opened(file.path());
    for (auto const& [name, tensor] : opened.tensors()) {
      fuzz::only_user_errors([&, &name = name] { opened.read(name); });
      fuzz::only_user_errors([&, &name = name] { opened.read_int64(name); });
      fuzz::only_user_errors([&, &name = name] { opened.read(name, {2, 3}); });
      fuzz::only_user_errors([&, &name = name, &tensor = tensor] {
        opened.read_slice(name, {tensor.rows() / 2, tensor.rows()}, {tensor.columns() / 2, tensor.columns()});
      });
    }
  });
  return 0;
}

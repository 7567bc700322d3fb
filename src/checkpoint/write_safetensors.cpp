#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "checkpoint/dtype.hpp"
#include "checkpoint/safetensors.hpp"
#include "files/atomic_file.hpp"
#include "files/checksum.hpp"

namespace moescope {

namespace {

using Entry = std::map<std::string, TensorToWrite>::value_type;

/// Falling element size, then name, as the reference writer does: with a padded header every tensor is aligned.
std::vector<Entry const*> in_file_order(std::map<std::string, TensorToWrite> const& tensors) {
  std::vector<Entry const*> order;
  order.reserve(tensors.size());
  for (auto const& entry : tensors) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(), [](Entry const* a, Entry const* b) {
    return bits_of_dtype(a->second.dtype) > bits_of_dtype(b->second.dtype);
  });
  return order;
}

std::int64_t bytes_of(TensorToWrite const& tensor) {
  auto const bits = bits_of_dtype(tensor.dtype);
  MOESCOPE_CHECK(bits > 0 && bits % 8 == 0);
  return TensorInfo{tensor.dtype, tensor.shape, 0, 0}.elements() * bits / 8;
}

std::string header_of(std::vector<Entry const*> const& order) {
  nlohmann::json header = nlohmann::json::object();
  std::int64_t begin = 0;
  for (auto const* entry : order) {
    auto const& [name, tensor] = *entry;
    auto const end = begin + bytes_of(tensor);
    header[name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  auto text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace

std::uint32_t write_safetensors(std::string const& path, std::map<std::string, TensorToWrite> const& tensors) {
  auto const order = in_file_order(tensors);
  auto const header = header_of(order);
  std::uint64_t const length = header.size();
  AtomicFile file(path);
  Checksum checksum;
  auto const write = [&](void const* data, std::size_t bytes) {
    file.write(data, bytes);
    checksum.update({static_cast<char const*>(data), bytes});
  };
  write(&length, sizeof length);
  write(header.data(), header.size());
  for (auto const* entry : order) write(entry->second.data, std::size_t(bytes_of(entry->second)));
  file.commit();
  return checksum.value();
}

}  // namespace moescope

#include "checkpoint/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "checkpoint/dtype.hpp"
#include "files/mapped_file.hpp"
#include "files/strict_json.hpp"

namespace moescope {

namespace {

using nlohmann::json;
using Tensors = std::map<std::string, TensorInfo>;

constexpr std::int64_t length_bytes = 8, largest_header = 100'000'000;

template <class... Arguments>
[[noreturn]] void refuse(std::string const& path, fmt::format_string<Arguments...> sentence, Arguments&&... arguments) {
  throw UserError(fmt::format("{}: {}.", path, fmt::format(sentence, std::forward<Arguments>(arguments)...)));
}

std::string_view header_of(MappedFile const& file, std::string const& path) {
  if (file.size() < length_bytes)
    refuse(path, "is no safetensors file: it has {} bytes, and the header's length alone takes {}", file.size(), length_bytes);
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), length_bytes);
  if (length > std::uint64_t(largest_header))
    refuse(path, "is no safetensors file: its header claims {} bytes, allowed are {}", length, largest_header);
  if (std::int64_t(length) > file.size() - length_bytes)
    refuse(path, "is truncated: its header claims {} bytes, after its length the file has {}", length,
           file.size() - length_bytes);
  auto const header = file.bytes().substr(length_bytes, length);
  if (header.empty() || header.front() != '{') refuse(path, "is no safetensors file: its header does not begin with '{{'");
  return header;
}

/// A non-negative integer that fits into 63 bits.
std::int64_t size_from(json const& value, std::string const& path, std::string const& tensor, char const* what) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() >> 63 != 0)
    refuse(path, "tensor '{}': {} must hold non-negative 63-bit integers, found {}", tensor, what, value.dump());
  return value.get<std::int64_t>();
}

std::vector<std::int64_t> sizes_from(json const& entry, std::string const& path, std::string const& tensor, char const* what) {
  if (!entry.contains(what) || !entry[what].is_array()) refuse(path, "tensor '{}' has no list '{}' in the header", tensor, what);
  std::vector<std::int64_t> sizes;
  for (auto const& value : entry[what]) sizes.push_back(size_from(value, path, tensor, what));
  return sizes;
}

/// Bytes of the tensor by dtype and shape.
std::int64_t bytes_of(TensorInfo const& info, std::string const& path, std::string const& tensor) {
  std::int64_t bits = bits_of_dtype(info.dtype);
  if (bits == 0) refuse(path, "tensor '{}' has the unknown dtype '{}'", tensor, info.dtype);
  for (auto const extent : info.shape)
    if (__builtin_mul_overflow(bits, extent, &bits))
      refuse(path, "tensor '{}': shape {} with dtype {} overflows 64 bits", tensor, shape_text(info.shape), info.dtype);
  if (bits % 8 != 0)
    refuse(path, "tensor '{}': shape {} with dtype {} does not fill whole bytes", tensor, shape_text(info.shape), info.dtype);
  return bits / 8;
}

TensorInfo tensor_from(json const& entry, std::string const& path, std::string const& tensor) {
  if (!entry.is_object()) refuse(path, "tensor '{}': its header entry is not an object", tensor);
  if (!entry.contains("dtype") || !entry["dtype"].is_string()) refuse(path, "tensor '{}' has no dtype in the header", tensor);
  TensorInfo info{entry["dtype"].get<std::string>(), sizes_from(entry, path, tensor, "shape"), 0, 0};
  auto const offsets = sizes_from(entry, path, tensor, "data_offsets");
  if (offsets.size() != 2 || offsets[0] > offsets[1])
    refuse(path, "tensor '{}': data_offsets must be [begin, end] with begin <= end, found {}", tensor, shape_text(offsets));
  info.begin = offsets[0];
  info.end = offsets[1];
  auto const bytes = bytes_of(info, path, tensor);
  if (info.end - info.begin != bytes)
    refuse(path, "tensor '{}': dtype {} and shape {} need {} bytes, data_offsets {} span {}", tensor, info.dtype,
           shape_text(info.shape), bytes, shape_text(offsets), info.end - info.begin);
  return info;
}

void check_metadata(json const& metadata, std::string const& path) {
  auto const is_text = [](json const& value) { return value.is_string(); };
  if (!metadata.is_object() || !std::all_of(metadata.begin(), metadata.end(), is_text))
    refuse(path, "__metadata__ must be an object of strings");
}

/// Ranges sorted by begin cover [0, buffer_bytes) without hole or overlap.
void check_ranges(Tensors const& tensors, std::int64_t buffer_bytes, std::string const& path) {
  std::vector<Tensors::const_pointer> sorted;
  for (auto const& tensor : tensors) sorted.push_back(&tensor);
  auto const range = [](auto const* tensor) { return std::pair(tensor->second.begin, tensor->second.end); };
  std::sort(sorted.begin(), sorted.end(), [&](auto const* a, auto const* b) { return range(a) < range(b); });
  std::int64_t next = 0;
  for (auto const* tensor : sorted) {
    if (tensor->second.begin != next)
      refuse(path, "tensor '{}' begins at byte {} of the buffer, the one before it ends at {}: there is {}", tensor->first,
             tensor->second.begin, next, tensor->second.begin > next ? "a hole" : "an overlap");
    next = tensor->second.end;
  }
  if (next > buffer_bytes)
    refuse(path, "is truncated: tensor '{}' ends at byte {} of the buffer, the file holds {}", sorted.back()->first, next,
           buffer_bytes);
  if (next < buffer_bytes) refuse(path, "has {} bytes behind the last tensor", buffer_bytes - next);
}

Tensors tensors_of(MappedFile const& file, std::string const& path) {
  auto const header = header_of(file, path);
  auto const entries = parse_strict_json(header, path + ": header");
  Tensors tensors;
  for (auto const& [name, entry] : entries.items()) {
    if (name == "__metadata__")
      check_metadata(entry, path);
    else
      tensors.emplace(name, tensor_from(entry, path, name));
  }
  check_ranges(tensors, file.size() - length_bytes - std::int64_t(header.size()), path);
  return tensors;
}

}  // namespace

struct Safetensors::State {
  explicit State(std::string file_path) : path(std::move(file_path)), file(path), tensors(tensors_of(file, path)) {
    std::uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, file.data(), length_bytes);
    buffer = file.data() + length_bytes + header_bytes;
  }
  std::string path;
  MappedFile file;
  Tensors tensors;
  char const* buffer;
};

Safetensors::Safetensors(std::string path) : state_(std::make_unique<State>(std::move(path))) {}
Safetensors::~Safetensors() = default;
Safetensors::Safetensors(Safetensors&&) noexcept = default;

std::string const& Safetensors::path() const { return state_->path; }
Tensors const& Safetensors::tensors() const { return state_->tensors; }
std::vector<std::string> Safetensors::names() const {
  std::vector<std::string> names;
  for (auto const& tensor : tensors()) names.push_back(tensor.first);
  return names;
}

bool Safetensors::has(std::string const& name) const { return state_->tensors.count(name) > 0; }

TensorInfo const& Safetensors::info(std::string const& name) const {
  auto const found = state_->tensors.find(name);
  if (found == state_->tensors.end()) refuse(path(), "holds no tensor '{}'", name);
  return found->second;
}

std::vector<double> Safetensors::read_slice(std::string const& name, Range rows, Range columns) const {
  auto const& tensor = info(name);
  auto const lies_in = [](Range part, std::int64_t extent) {
    return 0 <= part.begin && part.begin <= part.end && part.end <= extent;
  };
  if (!lies_in(rows, tensor.rows()) || !lies_in(columns, tensor.columns()))
    refuse(path(), "tensor '{}' of shape {} has no part of rows {} to {} and columns {} to {}", name, shape_text(tensor.shape),
           rows.begin, rows.end, columns.begin, columns.end);
  std::vector<double> values;
  values.reserve(std::size_t(rows.size() * columns.size()));
  bool const whole_rows = columns.size() == tensor.columns();
  auto const runs = whole_rows ? 1 : rows.size(), run_elements = whole_rows ? rows.size() * columns.size() : columns.size();
  for (std::int64_t run = 0; run < runs; ++run) {
    auto const first = (rows.begin + run) * tensor.columns() + columns.begin;
    auto const* const bytes = state_->buffer + tensor.begin + first * (bits_of_dtype(tensor.dtype) / 8);
    if (!append_floating(tensor.dtype, bytes, run_elements, values))
      refuse(path(), "tensor '{}' has dtype {}; readable as numbers are F64, F32, F16 and BF16", name, tensor.dtype);
  }
  return values;
}

std::vector<std::int64_t> Safetensors::read_int64(std::string const& name) const {
  auto const& tensor = info(name);
  std::vector<std::int64_t> values;
  if (!append_integer(tensor.dtype, state_->buffer + tensor.begin, tensor.elements(), values))
    refuse(path(), "tensor '{}' has dtype {}; readable as integers are I64, I32, I16, I8, U32, U16, U8 and BOOL", name,
           tensor.dtype);
  return values;
}

}  // namespace moescope

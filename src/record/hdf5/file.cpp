#include "record/hdf5/file.hpp"

#include <fmt/format.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <numeric>

#include "base/error.hpp"
#include "record/hdf5/types.hpp"

namespace moescope::hdf5 {
namespace {

/// At exit HDF5 closes nothing: its files are closed already, and over one that a full disk kept from closing it crashes.
/// Has an effect only before HDF5's first call, hence at the start of the program.
[[maybe_unused]] herr_t const closes_nothing_at_exit = H5dont_atexit();

void switch_off_printing() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

PropertyHandle file_access(bool locking) {
  PropertyHandle access(H5Pcreate(H5P_FILE_ACCESS));
  checked(H5Pset_libver_bounds(access.id(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V110), "set", "HDF5's format bounds");
#if H5_VERSION_GE(1, 10, 7)
  checked(H5Pset_file_locking(access.id(), locking, true), "set", "HDF5's file locking");
#endif
  return access;
}

SpaceHandle space_of(std::vector<hsize_t> const& extents) {
  if (extents.empty()) return SpaceHandle(checked(H5Screate(H5S_SCALAR), "make", "a scalar space"));
  return SpaceHandle(checked(H5Screate_simple(int(extents.size()), extents.data(), nullptr), "make", "a data space"));
}

/// A chunk may not be empty, nor larger than its dimension may become.
std::vector<hsize_t> at_least_one(std::vector<hsize_t> extents) {
  for (auto& extent : extents) extent = std::max<hsize_t>(extent, 1);
  return extents;
}

SpaceHandle growing_space(std::vector<hsize_t> const& extents, Growth const& growth) {
  auto most = at_least_one(extents);
  most[0] = std::max(growth.rows_at_once, growth.most_rows);
  return SpaceHandle(checked(H5Screate_simple(int(extents.size()), extents.data(), most.data()), "make", "a data space"));
}

/// Chunks are written without a cache: a row goes to the file as it does in a contiguous dataset.
void set_growth(hid_t creation_properties, hid_t access_properties, std::vector<hsize_t> const& extents, Growth const& growth) {
  auto chunk = at_least_one(extents);
  chunk[0] = growth.rows_at_once;
  checked(H5Pset_chunk(creation_properties, int(chunk.size()), chunk.data()), "set", "a layout");
  checked(H5Pset_chunk_cache(access_properties, 0, 0, H5D_CHUNK_CACHE_W0_DEFAULT), "set", "a layout");
}

/// Elements [row, row + count, ...] of a dataset with these extents.
SpaceHandle rows_of(std::vector<hsize_t> const& extents, std::int64_t row, std::size_t count, std::string const& path) {
  std::vector<hsize_t> start(extents.size(), 0), length = extents;
  start[0] = hsize_t(row);
  length[0] = count;
  auto space = space_of(extents);
  checked(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, start.data(), nullptr, length.data(), nullptr), "select a row of",
          path);
  return space;
}

SpaceHandle row_of(std::vector<hsize_t> const& extents, std::int64_t row, std::string const& path) {
  return rows_of(extents, row, 1, path);
}

std::size_t product(std::vector<hsize_t> const& extents, std::size_t first) {
  return std::accumulate(extents.begin() + std::ptrdiff_t(std::min(first, extents.size())), extents.end(), std::size_t(1),
                         std::multiplies<>());
}

std::vector<char> joined(std::vector<std::string> const& values, std::size_t length) {
  std::vector<char> bytes(values.size() * length, '\0');
  for (std::size_t i = 0; i < values.size(); ++i)
    std::memcpy(bytes.data() + i * length, values[i].data(), std::min(length, values[i].size()));
  return bytes;
}

std::vector<std::string> separated(std::vector<char> const& bytes, std::size_t length) {
  std::vector<std::string> values(bytes.size() / length);
  for (std::size_t i = 0; i < values.size(); ++i) {
    char const* const first = bytes.data() + i * length;
    values[i].assign(first, std::find(first, first + length, '\0'));
  }
  return values;
}

}  // namespace

Dataset::Dataset(DatasetHandle handle, std::string path, std::vector<hsize_t> extents)
    : handle_(std::move(handle)), path_(std::move(path)), extents_(std::move(extents)) {}

void Dataset::write_row(std::int64_t row, std::size_t count, hid_t type, void const* values) {
  MOESCOPE_CHECK(!extents_.empty() && row >= 0 && hsize_t(row) < extents_[0] && count == product(extents_, 1));
  if (count == 0) return;
  auto const file_space = row_of(extents_, row, path_), memory_space = space_of({count});
  checked(H5Dwrite(id(), type, memory_space.id(), file_space.id(), H5P_DEFAULT, values), "write", path_);
}

void Dataset::write(std::size_t count, hid_t type, void const* values) {
  MOESCOPE_CHECK(count == product(extents_, 0));
  if (count > 0) checked(H5Dwrite(id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), "write", path_);
}

void Dataset::write_row(std::int64_t row, std::vector<double> const& values) {
  write_row(row, values.size(), H5T_NATIVE_DOUBLE, values.data());
}
void Dataset::write_row(std::int64_t row, std::vector<std::int64_t> const& values) {
  write_row(row, values.size(), H5T_NATIVE_INT64, values.data());
}
void Dataset::write(std::vector<double> const& values) { write(values.size(), H5T_NATIVE_DOUBLE, values.data()); }
void Dataset::write(std::vector<std::int64_t> const& values) { write(values.size(), H5T_NATIVE_INT64, values.data()); }
void Dataset::write(std::vector<std::string> const& values) {
  TypeHandle const type(checked(H5Dget_type(id()), "read the type of", path_));
  write(values.size(), type.id(), joined(values, H5Tget_size(type.id())).data());
}

void Dataset::grow(std::size_t rows) {
  MOESCOPE_CHECK(!extents_.empty() && rows >= extents_[0]);
  extents_[0] = rows;
  checked(H5Dset_extent(id(), extents_.data()), "enlarge", path_);
}

void Dataset::copy_rows(File const& from, std::string const& path, std::int64_t rows) {
  auto const source = from.dataset(path);
  auto const there = from.extents(path);
  TypeHandle const type(checked(H5Dget_type(id()), "read the type of", path_));
  auto const count = product(extents_, 1);
  MOESCOPE_CHECK(product(there, 1) == count && rows <= std::int64_t(std::min(there.at(0), extents_.at(0))));
  std::vector<char> values(count * H5Tget_size(type.id()));
  auto const memory_space = space_of({count});
  for (std::int64_t row = 0; row < rows && count > 0; ++row) {
    auto const file_space = row_of(there, row, from.where(path));
    checked(H5Dread(source.id(), type.id(), memory_space.id(), file_space.id(), H5P_DEFAULT, values.data()), "read",
            from.where(path));
    write_row(row, count, type.id(), values.data());
  }
}

File File::create(std::string const& path) {
  switch_off_printing();
  auto const access = file_access(true);
  return {FileHandle(checked(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id()), "create", path)), path};
}

File File::open(std::string const& path) {
  switch_off_printing();
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) throw UserError(fmt::format("{} is a folder; a run file is expected", path));
  if (!std::filesystem::is_regular_file(path, ignored)) throw UserError(fmt::format("{}: no such file", path));
  if (H5Fis_hdf5(path.c_str()) <= 0) {
    throw UserError(path.ends_with(".partial")
                        ? fmt::format("{} holds nothing yet: its run was ended, or still is, before the first step", path)
                        : fmt::format("{} is not an HDF5 file, so it is no run file", path));
  }
  auto const access = file_access(false);
  return {FileHandle(checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), "open", path)), path};
}

void File::flush() { checked(H5Fflush(handle_.id(), H5F_SCOPE_LOCAL), "write", path_); }

void File::close() { checked(H5Fclose(handle_.release()), "close", path_); }

Dataset File::create_dataset(std::string const& path, Type type, std::vector<hsize_t> const& extents, std::size_t text_length,
                             Growth growth) {
  PropertyHandle const links(H5Pcreate(H5P_LINK_CREATE)), access(H5Pcreate(H5P_DATASET_ACCESS));
  checked(H5Pset_create_intermediate_group(links.id(), 1), "set", "link creation");
  auto const properties = creation(type);
  if (growth.most_rows > 0) set_growth(properties.id(), access.id(), extents, growth);
  auto const stored = file_type(type, text_length);
  auto const space = growth.most_rows > 0 ? growing_space(extents, growth) : space_of(extents);
  hid_t const id = H5Dcreate2(handle_.id(), path.c_str(), stored.id(), space.id(), links.id(), properties.id(), access.id());
  return {DatasetHandle(checked(id, "create", where(path))), where(path), extents};
}

void File::create_group(std::string const& path) {
  if (!has(path))
    GroupHandle(checked(H5Gcreate2(handle_.id(), path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), "create", where(path)));
}

void File::make_scale(Dataset const& scale) {
  auto const name = scale.path().substr(scale.path().rfind('/') + 1);
  checked(H5DSset_scale(scale.id(), name.c_str()), "make a dimension scale of", scale.path());
}

void File::attach_scale(Dataset const& dataset, Dataset const& scale, unsigned dimension) {
  checked(H5DSattach_scale(dataset.id(), scale.id(), dimension), "attach a dimension scale to", dataset.path());
}

ObjectHandle File::object(std::string const& path) const {
  return ObjectHandle(checked(H5Oopen(handle_.id(), path.c_str(), H5P_DEFAULT), "find", where(path)));
}

DatasetHandle File::dataset(std::string const& path) const {
  if (!has(path)) throw UserError(fmt::format("{} has no dataset {}, so it is no run file of this version", path_, path));
  return DatasetHandle(checked(H5Dopen2(handle_.id(), path.c_str(), H5P_DEFAULT), "open", where(path)));
}

void File::write_attribute(std::string const& object_path, std::string const& name, std::string const& text,
                           std::size_t capacity) {
  auto const owner = object(object_path);
  auto const place = where(object_path) + "@" + name;
  if (!has_attribute(object_path, name)) {
    auto const type = text_type(std::max(text.size(), capacity));
    auto const space = space_of({});
    AttributeHandle(
        checked(H5Acreate2(owner.id(), name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), "create", place));
  }
  AttributeHandle const attribute(checked(H5Aopen(owner.id(), name.c_str(), H5P_DEFAULT), "open", place));
  TypeHandle const type(checked(H5Aget_type(attribute.id()), "read the type of", place));
  checked(H5Awrite(attribute.id(), type.id(), joined({text}, H5Tget_size(type.id())).data()), "write", place);
}

void File::write_attribute(std::string const& object_path, std::string const& name, std::int64_t value) {
  auto const owner = object(object_path);
  auto const place = where(object_path) + "@" + name;
  auto const space = space_of({});
  AttributeHandle const attribute(
      checked(H5Acreate2(owner.id(), name.c_str(), H5T_STD_I64LE, space.id(), H5P_DEFAULT, H5P_DEFAULT), "create", place));
  checked(H5Awrite(attribute.id(), H5T_NATIVE_INT64, &value), "write", place);
}

bool File::has(std::string const& path) const {
  for (std::size_t slash = 1; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    if (H5Lexists(handle_.id(), path.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return path == "/";
  }
  return true;
}

bool File::has_attribute(std::string const& object_path, std::string const& name) const {
  return (object_path == "/" || has(object_path)) &&
         H5Aexists_by_name(handle_.id(), object_path.c_str(), name.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> File::attribute_names(std::string const& object_path) const {
  auto const append = [](hid_t, char const* name, H5A_info_t const*, void* names) -> herr_t {
    static_cast<std::vector<std::string>*>(names)->push_back(name);
    return 0;
  };
  std::vector<std::string> names;
  auto const owner = object(object_path);
  hsize_t position = 0;
  checked(H5Aiterate2(owner.id(), H5_INDEX_NAME, H5_ITER_INC, &position, append, &names), "list attributes of",
          where(object_path));
  return names;
}

std::string File::read_attribute(std::string const& object_path, std::string const& name) const {
  auto const place = where(object_path) + "@" + name;
  if (!has_attribute(object_path, name)) throw UserError(fmt::format("{} is missing, so the file is no run file", place));
  AttributeHandle const attribute(
      checked(H5Aopen_by_name(handle_.id(), object_path.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), "open", place));
  TypeHandle const type(checked(H5Aget_type(attribute.id()), "read the type of", place));
  if (H5Tget_class(type.id()) == H5T_STRING && H5Tis_variable_str(type.id()) == 0) {
    std::vector<char> bytes(H5Tget_size(type.id()));
    checked(H5Aread(attribute.id(), type.id(), bytes.data()), "read", place);
    return separated(bytes, bytes.size())[0];
  }
  std::int64_t value = 0;
  if (H5Tget_class(type.id()) != H5T_INTEGER)
    throw UserError(fmt::format("{} is neither fixed-length text nor an integer", place));
  checked(H5Aread(attribute.id(), H5T_NATIVE_INT64, &value), "read", place);
  return std::to_string(value);
}

std::vector<hsize_t> File::extents(std::string const& path) const {
  auto const source = dataset(path);
  SpaceHandle const space(checked(H5Dget_space(source.id()), "read the shape of", where(path)));
  std::vector<hsize_t> result(std::size_t(checked(H5Sget_simple_extent_ndims(space.id()), "read the shape of", where(path))));
  checked(H5Sget_simple_extent_dims(space.id(), result.data(), nullptr), "read the shape of", where(path));
  return result;
}

std::size_t File::element_count(DatasetHandle const& source, std::size_t element_bytes) const {
  SpaceHandle const space(checked(H5Dget_space(source.id()), "read a shape in", path_));
  auto const count = checked(H5Sget_simple_extent_npoints(space.id()), "read a shape in", path_);
  auto const stored = H5Dget_storage_size(source.id());
  std::error_code error;
  auto const bytes = std::filesystem::file_size(path_, error);
  if (error) throw UserError(fmt::format("{}: {}", path_, error.message()));  // a run has ended, and its file another name
  if (stored > bytes || hsize_t(count) > stored / element_bytes)
    throw UserError(fmt::format("{} has a dataset that is larger than the file, so the file is damaged", path_));
  return std::size_t(count);
}

std::vector<double> File::read_numbers(std::string const& path) const {
  auto const source = dataset(path);
  std::vector<double> values(element_count(source, 1));
  checked(H5Dread(source.id(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), "read", where(path));
  return values;
}

std::vector<double> File::read_rows(std::string const& path, std::size_t first, std::size_t count) const {
  auto const source = dataset(path);
  auto const there = extents(path);
  MOESCOPE_CHECK(!there.empty() && first + count <= there[0]);
  element_count(source, 1);
  auto const file_space = rows_of(there, std::int64_t(first), count, where(path));
  std::vector<double> values(count * product(there, 1));
  auto const memory_space = space_of({values.size()});
  checked(H5Dread(source.id(), H5T_NATIVE_DOUBLE, memory_space.id(), file_space.id(), H5P_DEFAULT, values.data()), "read",
          where(path));
  return values;
}

std::vector<std::int64_t> File::read_integers(std::string const& path) const {
  auto const source = dataset(path);
  std::vector<std::int64_t> values(element_count(source, 1));
  checked(H5Dread(source.id(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), "read", where(path));
  return values;
}

std::vector<std::string> File::read_text(std::string const& path) const {
  auto const source = dataset(path);
  TypeHandle const type(checked(H5Dget_type(source.id()), "read the type of", where(path)));
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) != 0)
    throw UserError(fmt::format("{} is not fixed-length text", where(path)));
  auto const length = H5Tget_size(type.id());
  std::vector<char> bytes(element_count(source, length) * length);
  checked(H5Dread(source.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), "read", where(path));
  return separated(bytes, length);
}

}  // namespace moescope::hdf5

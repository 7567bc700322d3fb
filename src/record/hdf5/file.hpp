#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "record/hdf5/handle.hpp"

namespace moescope::hdf5 {

enum class Type { f64, i64, i32, u32, i8, text };

/// How a dataset grows: by so many rows at once, to so many in all; not at all where that is 0.
struct Growth {
  hsize_t rows_at_once = 0, most_rows = 0;
};

class File;

/// A dataset that is open for writing: contiguous, or one that grows.
class Dataset {
 public:
  Dataset() = default;
  Dataset(DatasetHandle handle, std::string path, std::vector<hsize_t> extents);

  hid_t id() const { return handle_.id(); }
  std::string const& path() const { return path_; }
  std::vector<hsize_t> const& extents() const { return extents_; }

  /// Element [row, ...]: values [product of the other extents]. Integers narrower than 64 bits on disk are clipped.
  void write_row(std::int64_t row, std::vector<double> const& values);
  void write_row(std::int64_t row, std::vector<std::int64_t> const& values);
  /// The whole dataset.
  void write(std::vector<double> const& values);
  void write(std::vector<std::int64_t> const& values);
  void write(std::vector<std::string> const& values);
  /// More rows, filled as new ones are; of a dataset that was made to grow.
  void grow(std::size_t rows);
  /// The first `rows` rows of a dataset of another file that has the same type and row extents.
  void copy_rows(File const& from, std::string const& path, std::int64_t rows);

 private:
  void write_row(std::int64_t row, std::size_t count, hid_t type, void const* values);
  void write(std::size_t count, hid_t type, void const* values);

  DatasetHandle handle_;
  std::string path_;
  std::vector<hsize_t> extents_;
};

/// One HDF5 file. Every failure is a UserError that names the file, and the object where there is one. Printing of HDF5's
/// error stack is switched off.
class File {
 public:
  /// Truncates; file format bounds earliest..v110, so that a file whose writer was killed opens again.
  static File create(std::string const& path);
  /// Read-only, without a lock, so that the file of a running job can be read.
  static File open(std::string const& path);

  std::string const& path() const { return path_; }
  /// Flushes HDF5's buffers to the operating system.
  void flush();
  /// Closes; unlike the destructor it tells of a failure. Datasets must be gone before.
  void close();

  /// Contiguous, allocated now and filled with NaN (f64), -1 (integers; 4294967295 for u32) or empty text of
  /// `text_length` bytes. Missing groups on the way are made. One that grows lies in chunks of `rows_at_once`: the
  /// structure that a killed writer could leave unreadable is touched only while it grows.
  Dataset create_dataset(std::string const& path, Type type, std::vector<hsize_t> const& extents, std::size_t text_length = 1,
                         Growth growth = {});
  void create_group(std::string const& path);
  void make_scale(Dataset const& scale);
  void attach_scale(Dataset const& dataset, Dataset const& scale, unsigned dimension);

  /// Attribute of an existing object, replaced in place where it exists. Text is stored at a fixed length of
  /// max(text, capacity) bytes; longer text than an existing attribute holds is cut.
  void write_attribute(std::string const& object, std::string const& name, std::string const& text, std::size_t capacity = 1);
  void write_attribute(std::string const& object, std::string const& name, std::int64_t value);

  bool has(std::string const& path) const;
  bool has_attribute(std::string const& object, std::string const& name) const;
  std::vector<std::string> attribute_names(std::string const& object) const;
  /// Text, or the decimal form of a number.
  std::string read_attribute(std::string const& object, std::string const& name) const;
  std::vector<hsize_t> extents(std::string const& path) const;
  std::vector<double> read_numbers(std::string const& path) const;
  /// Elements [first, first + count, ...].
  std::vector<double> read_rows(std::string const& path, std::size_t first, std::size_t count) const;
  std::vector<std::int64_t> read_integers(std::string const& path) const;
  std::vector<std::string> read_text(std::string const& path) const;

 private:
  friend class Dataset;
  File(FileHandle handle, std::string path) : handle_(std::move(handle)), path_(std::move(path)) {}
  std::string where(std::string const& object) const { return path_ + ":" + object; }
  ObjectHandle object(std::string const& path) const;
  DatasetHandle dataset(std::string const& path) const;
  /// Elements of a dataset; refuses more bytes than the file has, which only a damaged file claims.
  std::size_t element_count(DatasetHandle const& source, std::size_t element_bytes) const;

  FileHandle handle_;
  std::string path_;
};

}  // namespace moescope::hdf5

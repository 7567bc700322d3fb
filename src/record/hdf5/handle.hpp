#pragma once
#include <hdf5.h>

#include <string>
#include <string_view>
#include <utility>

namespace moescope::hdf5 {

/// Owner of an HDF5 id; `Close` is the library's function that releases its kind.
template <auto Close>
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) Close(id_);
  }
  hid_t id() const { return id_; }
  /// Gives the id up, for a close whose result matters.
  hid_t release() { return std::exchange(id_, H5I_INVALID_HID); }

 private:
  hid_t id_ = H5I_INVALID_HID;
};
using FileHandle = Handle<H5Fclose>;
using GroupHandle = Handle<H5Gclose>;
using DatasetHandle = Handle<H5Dclose>;
using SpaceHandle = Handle<H5Sclose>;
using TypeHandle = Handle<H5Tclose>;
using AttributeHandle = Handle<H5Aclose>;
using PropertyHandle = Handle<H5Pclose>;
using ObjectHandle = Handle<H5Oclose>;

/// Throws UserError "cannot <action> <path>: <reason>" with the innermost reason of HDF5's error stack.
[[noreturn]] void fail(std::string_view action, std::string_view path);

/// What an HDF5 call returned, unless that says it failed.
template <class Status>
Status checked(Status status, std::string_view action, std::string_view path) {
  if (status < 0) fail(action, path);
  return status;
}

}  // namespace moescope::hdf5

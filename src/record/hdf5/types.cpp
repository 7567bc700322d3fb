#include "record/hdf5/types.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace moescope::hdf5 {

TypeHandle text_type(std::size_t length) {
  TypeHandle type(H5Tcopy(H5T_C_S1));
  checked(H5Tset_size(type.id(), std::max<std::size_t>(length, 1)), "make", "a text type");
  checked(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "make", "a text type");
  checked(H5Tset_cset(type.id(), H5T_CSET_UTF8), "make", "a text type");
  return type;
}

TypeHandle file_type(Type type, std::size_t text_length) {
  switch (type) {
    case Type::f64:
      return TypeHandle(H5Tcopy(H5T_IEEE_F64LE));
    case Type::i64:
      return TypeHandle(H5Tcopy(H5T_STD_I64LE));
    case Type::i32:
      return TypeHandle(H5Tcopy(H5T_STD_I32LE));
    case Type::u32:
      return TypeHandle(H5Tcopy(H5T_STD_U32LE));
    case Type::i8:
      return TypeHandle(H5Tcopy(H5T_STD_I8LE));
    case Type::text:
      break;
  }
  return text_type(text_length);
}

namespace {

void set_fill(hid_t properties, Type type) {
  double const nan = std::numeric_limits<double>::quiet_NaN();
  std::int64_t const minus_one = -1;
  std::uint32_t const all_bits = std::numeric_limits<std::uint32_t>::max();
  if (type == Type::f64) checked(H5Pset_fill_value(properties, H5T_NATIVE_DOUBLE, &nan), "set", "a fill value");
  if (type == Type::i64 || type == Type::i32 || type == Type::i8)
    checked(H5Pset_fill_value(properties, H5T_NATIVE_INT64, &minus_one), "set", "a fill value");
  if (type == Type::u32) checked(H5Pset_fill_value(properties, H5T_NATIVE_UINT32, &all_bits), "set", "a fill value");
}

}  // namespace

PropertyHandle creation(Type type) {
  PropertyHandle properties(H5Pcreate(H5P_DATASET_CREATE));
  checked(H5Pset_layout(properties.id(), H5D_CONTIGUOUS), "set", "a layout");
  checked(H5Pset_alloc_time(properties.id(), H5D_ALLOC_TIME_EARLY), "set", "a layout");
  checked(H5Pset_fill_time(properties.id(), H5D_FILL_TIME_ALLOC), "set", "a layout");
  checked(H5Pset_obj_track_times(properties.id(), false), "set", "a layout");
  set_fill(properties.id(), type);
  return properties;
}

}  // namespace moescope::hdf5

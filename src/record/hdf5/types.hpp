#pragma once
#include <cstddef>

#include "record/hdf5/file.hpp"
#include "record/hdf5/handle.hpp"

namespace moescope::hdf5 {

/// Fixed-length UTF-8 text, padded with NUL bytes.
TypeHandle text_type(std::size_t length);
/// How values of a dataset are stored: little-endian.
TypeHandle file_type(Type type, std::size_t text_length);
/// Contiguous, allocated at once, filled with the value that says "not written". Without recorded modification times a write
/// changes no metadata at all, which is what makes it safe against a kill.
PropertyHandle creation(Type type);

}  // namespace moescope::hdf5

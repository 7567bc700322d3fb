#pragma once
#include <ostream>
#include <string>

namespace moescope {

/// A run file as CSV (RFC 4180: a header, commas, lines that end in CR LF) in UTF-8, values as the file holds them with every
/// digit, `nan` where a real number is missing. Rows of steps and evaluations that are not complete are left out. Throws
/// UserError if the file cannot be read or `out` cannot be written.

/// One row for each step: every dataset that holds one number a step.
void write_series_csv(std::string const& path, std::ostream& out);

/// One row for each value: the labels of its dimensions, then the value. `dataset` is a path of definitions.md; the
/// leading '/' may be left out. Unknown ones are refused with the nearest known.
void write_dataset_csv(std::string const& path, std::string dataset, std::ostream& out);

}  // namespace moescope

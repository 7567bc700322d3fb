#pragma once

/// Each adds the benchmarks of one file.
namespace moescope::benchmarks {

void add_products();
void add_layers();
void add_exchange();
void add_step();

}  // namespace moescope::benchmarks

#pragma once
#include "energy/energy_meter.hpp"

namespace moescope {

/// Where Linux shows the tree; MOESCOPE_POWERCAP names another one, which tests make.
std::string powercap_root();

/// RAPL: the energy that the host's processors count themselves (Intel's, and AMD's since Zen), as the tree shows it (Linux,
/// Documentation/power/powercap/powercap.rst). Of each package `intel-rapl:N` its own counter, `package-N`, and that of its part
/// `dram`, which the package does not contain. Its other parts, `core` and `uncore`, are contained in it; `psys`, the platform,
/// contains packages; `intel-rapl-mmio` counts them a second time: none of these is read. Where one counter cannot be read the
/// host has none, and `absent` says which and why. A counter moves about once in a millisecond.
EnergyCounters open_powercap(std::string const& root);

}  // namespace moescope

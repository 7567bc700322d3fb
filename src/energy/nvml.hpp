#pragma once
#include "energy/energy_meter.hpp"

namespace moescope {

/// The library that NVIDIA's driver brings; MOESCOPE_NVML names another one, which tests make.
std::string nvml_library();

/// NVML: the energy that each GPU of the host has used since its driver was loaded, `gpu-N` in NVML's order
/// (nvmlDeviceGetTotalEnergyConsumption, millijoules, from Volta on: NVIDIA, "NVML API Reference Guide"). The library is opened
/// at run time, so that no build needs it. All GPUs are read, whoever uses them. Where one cannot be read the host has none, and
/// `absent` says which and why.
EnergyCounters open_nvml(std::string const& library);

}  // namespace moescope

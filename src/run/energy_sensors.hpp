#pragma once
#include "comm/communicator.hpp"
#include "energy/energy_meter.hpp"
#include "record/run_file.hpp"

namespace moescope {

/// Opens the energy counters of every host, on its first rank: a meter for this rank, and on rank 0 their names in `setup`, whose
/// hosts are known. Collective.
EnergyMeter find_energy_sensors(Communicator const& world, RunFileSetup& setup);

/// As they would be with all ranks on this machine.
std::vector<EnergySensor> energy_sensors_here();

}  // namespace moescope

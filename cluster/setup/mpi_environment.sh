# Sourced: lets Open MPI 4 (OMPI_MCA_*) and 5 (PRTE_MCA_*) start a few ranks on any one machine: as root, in a container,
# with more ranks than cores. A cluster's own launcher needs none of it.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
export OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_hwloc_default_binding_policy=none
export OMPI_MCA_btl_vader_single_copy_mechanism=none
export OMP_NUM_THREADS=1 OMP_PROC_BIND=false

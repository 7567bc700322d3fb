from pathlib import Path

from spack.package import *
from spack_repo.builtin.build_systems.cmake import CMakePackage, generator
from spack_repo.builtin.build_systems.cuda import CudaPackage


class Moescope(CMakePackage, CudaPackage):
    """Measures what a mixture-of-experts gate, placement or parallel layout costs: trains a real LLaMA-MoE over MPI
    ranks and records bytes, seconds, loads and losses in one HDF5 file."""

    git = Path(__file__).resolve().parents[6].as_uri()  # the clone that this recipe lies in

    license("Apache-2.0")

    version("main", branch="main")

    variant("figures", default=True, description="Install the Python packages that draw run files")

    generator("ninja")
    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.22:", type="build")
    depends_on("cmake@3.25.2:", type="build", when="+cuda")
    conflicts("%gcc@:11", msg="moescope needs the C++20 of g++ 12 or newer")

    depends_on("mpi")
    depends_on("hdf5@1.10:1+hl~mpi")
    depends_on("fmt@9:")
    depends_on("nlohmann-json@3.11:")
    depends_on("zlib-api")
    depends_on("cli11@2.1:")
    depends_on("tomlplusplus@3.3:")

    depends_on("kokkos@4.7:4+serial cxxstd=20")
    depends_on("kokkos+openmp", when="~cuda")
    depends_on("openblas threads=openmp", when="~cuda")
    depends_on("onednn@2.6: cpu_runtime=omp", when="~cuda")
    conflicts("cuda_arch=none", when="+cuda")
    for arch in CudaPackage.cuda_arch_values:
        depends_on(f"kokkos+cuda+cmake_lang cuda_arch={arch}", when=f"+cuda cuda_arch={arch}")

    depends_on("catch2", type="test")
    depends_on("python@3.11:", type="run", when="+figures")
    depends_on("py-h5py~mpi", type="run", when="+figures")
    depends_on("py-matplotlib", type="run", when="+figures")
    depends_on("py-numpy", type="run", when="+figures")

    def cmake_args(self):
        # Spack's compiler wrapper names the instruction set.
        return [self.define("MOESCOPE_ARCH", ""), self.define("MOESCOPE_TESTS", self.run_tests)]

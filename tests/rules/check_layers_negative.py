#!/usr/bin/python3
"""Negative control of check_layers.py: a clean small tree passes, and each planted breach is found, alone and by name."""

import sys
import tempfile
from pathlib import Path

from check_layers import check

CLEAN = {
    "docs/architecture.md": "| folder | layer | what it is |\n|---|---|---|\n| base | 0 | x |\n| config | 1 | x |\n"
    "| kernels | 1 | x |\n| gates | 2 | x |\n| layers | 2 | x |\n| comm | 4 | x |\n| record | 8 | x |\n",
    "src/base/views.hpp": "#include <Kokkos_Core.hpp>\n",
    "src/base/text.hpp": "#include <string>\n",
    "src/base/CMakeLists.txt": "",
    "src/config/toml.cpp": '#include <toml++/toml.h>\n#include "base/text.hpp"\n',
    "src/config/gate_kinds.cpp": '{{.name = "switch"}, {.name = "uniform"}}; tensors{{.name = "w.0"}};\n',
    "src/config/dispatcher_kinds.hpp": '{{.name = "local"}, {.name = "all_gather"}}\n',
    "src/config/CMakeLists.txt": "moescope_folder(config SOURCES toml.cpp gate_kinds.cpp)",
    "src/kernels/gemm.hpp": '#include "base/views.hpp"\n',
    "src/kernels/backend/blas.cpp": '#include <cblas.h>\n#include "kernels/gemm.hpp"\n',
    "src/kernels/CMakeLists.txt": "moescope_folder(kernels SOURCES backend/blas.cpp)",
    "src/gates/switch.cpp": '#include "kernels/gemm.hpp"\nnamespace moescope {\n\nnamespace {\n\nclass SwitchGate {\n};\n\n'
    "}  // namespace\n\ntemplate <class T>\nGate<T>* make_switch_gate(int experts) {\n  return nullptr;\n}\n"
    "template Gate<float>* make_switch_gate<float>(int);\n\n}  // namespace moescope\n",
    "src/gates/noise.cpp": '#include "gates/noise.hpp"\nint draw() { return 1; }\n',
    "src/gates/noise.hpp": "int draw();\n",
    "src/gates/CMakeLists.txt": "file(GLOB kinds *.cpp)",
    "src/layers/norm.hpp": '#include "kernels/gemm.hpp"\n// operation == "all_gather", name = "switch"\n',
    "src/comm/mesh.cpp": "#include <mpi.h>\n",
    "src/comm/CMakeLists.txt": "moescope_folder(comm SOURCES mesh.cpp)",
    "src/record/file.cpp": '#include <hdf5.h>\n#include "base/text.hpp"\n',
    "src/record/CMakeLists.txt": "moescope_folder(record SOURCES file.cpp)",
    "tests/unit/base/text_test.cpp": "",
    "tests/unit/base/CMakeLists.txt": "moescope_test(base SOURCES text_test.cpp)",
}

# what is planted: file, its text, and the words that the finding must hold
BREACHES = [
    ("src/base/up.hpp", '#include "kernels/gemm.hpp"\n', "base (layer 0) includes kernels/gemm.hpp (layer 1)"),
    ("src/layers/side.hpp", '#include "gates/routing.hpp"\n', "layers (layer 2) includes gates/routing.hpp (layer 2)"),
    ("src/layers/private.hpp", '#include "kernels/detail/tiles.hpp"\n', "kernels/detail/tiles.hpp is private to kernels"),
    ("src/layers/spaced.hpp", '  #  include  "comm/mesh.hpp"\n', "src/layers/spaced.hpp:1"),
    ("src/layers/bare.hpp", '#include "norm.hpp"\n', "write the path from src"),
    ("src/model/block.hpp", "", "the folder model is not in the table"),
    ("src/layers/mpi.hpp", "#include <mpi.h>\n", "<mpi.h>, which belongs to src/comm"),
    ("src/record/nccl.hpp", "#include <nccl.h>\n", "<nccl.h>, which belongs to src/comm"),
    ("src/kernels/fast.hpp", "#include <dnnl.hpp>\n", "<dnnl.hpp>, which belongs to src/kernels/backend"),
    ("src/kernels/cuda.hpp", "#include <cublas_v2.h>\n", "<cublas_v2.h>, which belongs to src/kernels/backend"),
    ("src/layers/blas.hpp", '#include "cblas.h"\n', "<cblas.h>, which belongs to src/kernels/backend"),
    ("src/comm/file.hpp", "#include <hdf5.h>\n", "<hdf5.h>, which belongs to src/record"),
    ("src/gates/settings.hpp", "#include <toml++/toml.h>\n", "<toml++/toml.h>, which belongs to src/config"),
    ("src/config/device.hpp", "#include <Kokkos_Core.hpp>\n", "config is host-only, yet reaches Kokkos by Kokkos_Core.hpp"),
    ("src/record/rows.hpp", '#include "base/views.hpp"\n', "reaches Kokkos by base/views.hpp -> Kokkos_Core.hpp"),
    ("src/comm/forgotten.cpp", "", "src/comm/forgotten.cpp: no CMakeLists.txt names it"),
    ("src/comm/sh.cpp", "", "src/comm/sh.cpp: no CMakeLists.txt names it"),
    ("tests/unit/base/lost_test.cpp", "", "lost_test.cpp: no CMakeLists.txt names it"),
    ("src/base/CMakeLists.txt", "file(GLOB sources *.cpp)", "src/base/CMakeLists.txt: globs sources"),
    ("src/comm/mesh.hpp", "#pragma once\n", "src/comm/mesh.cpp: must include comm/mesh.hpp before anything else"),
    ("src/layers/gate.hpp", 'if (model.gate.kind == "hash")\n', "src/layers/gate.hpp:1: asks for a kind by its name"),
    ("src/layers/part.hpp", 'if (gate_kind.starts_with("rand"))\n', "asks for a kind by its name"),
    ("src/layers/name.hpp", '\nif (name != "uniform")\n', "src/layers/name.hpp:2: asks for a kind by its name"),
    ("src/layers/turned.hpp", 'if ("local" == train)\n', "asks for a kind by its name"),
    ("src/layers/moves.hpp", 'if (config.train.dispatcher == "all_gather")\n', "asks for a kind by its name"),
    ("src/record/arrays.hpp", "n = model.num_layers;\n", "src/record/arrays.hpp:1: num_layers; count what is meant"),
    ("src/gates/hash.cpp", "template <class T>\nint softmax_rows(T x) {\n", "src/gates/hash.cpp:2: only the factory"),
    ("src/gates/base.cpp", "struct Activations {\n  int x;\n};\n", "src/gates/base.cpp:1: only the factory"),
    (
        "src/gates/top.cpp",
        "namespace {\n\n}  // namespace\n\nint make_other_gate(int x) {\n",
        "top.cpp:5: only the factory",
    ),
    ("src/base/later.hpp", "// TODO: more\n", "unfinished by its own word"),
    ("docs/architecture.md", "# Architecture\n", "no table of folders"),
]


def breaches_of(tree):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in tree.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return check(Path(folder))


def main():
    wrong = [f"the clean tree is blamed: {breach}" for breach in breaches_of(CLEAN)]
    for name, text, words in BREACHES:
        found = breaches_of(CLEAN | {name: text})
        if not any(words in breach for breach in found):
            wrong.append(f'{name}: expected "{words}", found {found}')
    print("\n".join(wrong) if wrong else f"the clean tree passes and all {len(BREACHES)} planted breaches are found")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""The order of the tree, read from the table in docs/architecture.md: who may include whom, and which outside header
belongs to which folder. Also: every source is built, no kind is asked for by name, and nothing calls itself unfinished.

check_layers.py [ROOT] prints one line per breach and exits with 1 when there is any."""

import re
import sys
from pathlib import Path

# Outside headers (a pattern over the name in <> or "") and the only places that may include them.
OWNERS = [
    (r"mpi(-ext)?\.h", ["src/comm"]),
    (r"nccl\.h", ["src/comm"]),
    (r"(oneapi/)?dnnl.*|f?cblas.*|cublas.*", ["src/kernels/backend"]),
    (r"hdf5(_hl)?\.h|H5[A-Za-z]*public\.h", ["src/record"]),
    (r"toml\+\+/.*|toml\.hpp", ["src/config"]),
]
HOST_ONLY = ["config", "layout", "tensors", "traffic", "metrics", "predict", "record"]
GLOBBED = ["gates", "dispatch"]  # one file per kind, found by CMake
# Rows of the kinds of gate and dispatcher. Nothing in src may ask for a kind by its name: what it wants to know is a field.
KIND_ROWS = ["src/config/gate_kinds.cpp", "src/config/dispatcher_kinds.hpp"]
# The number of layers is not the number of routers, nor of attentions (config/routers.hpp). Files of these folders that may
# speak of layers all the same, with the reason.
COUNT_ROUTERS = ["traffic", "metrics", "step", "check", "record"]
COUNT_LAYERS = {
    "record/inspect.cpp": "prints the configuration",
    "check/twin.cpp": "shortens the model",
}
UNFINISHED = [r"\bTODO\b", r"\bFIXME\b", r"\bXXX\b", r"\bstubs?\b", r"\bplaceholders?\b", r"\bnot implemented\b"]

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)
ANONYMOUS = re.compile(r"^namespace \{$.*?^\}  // namespace$", re.MULTILINE | re.DOTALL)
# A line that defines nothing: indented, or of these kinds.
AT_NAMESPACE_SCOPE = re.compile(r"\s|#|//|\}|namespace |using |template <[^<>]*>$|MOESCOPE_FOR_SCALARS\(MOESCOPE_INSTANTIATE\)$")
TABLE_ROW = re.compile(r"^\|\s*`?(\w+)`?\s*\|\s*(\d+)\s*\|", re.MULTILINE)


def layer_table(root):
    return {folder: int(layer) for folder, layer in TABLE_ROW.findall((root / "docs/architecture.md").read_text())}


def sources(root, top, kinds=("*.hpp", "*.cpp", "*.h", "*.cu")):
    return sorted(path for kind in kinds for path in (root / top).rglob(kind))


def includes(path):
    """(line number, quote, name) of each include."""
    text = path.read_text()
    return [(text.count("\n", 0, match.start(2)) + 1, match[1], match[2]) for match in INCLUDE.finditer(text)]


def layer_breaches(root, layers):
    for path in sources(root, "src"):
        folder = path.relative_to(root / "src").parts[0]
        if folder not in layers:
            yield f"{path.relative_to(root)}: the folder {folder} is not in the table of docs/architecture.md"
            continue
        for line, quote, name in includes(path):
            other, slash, _ = name.partition("/")
            where = f"{path.relative_to(root)}:{line}"
            if quote == '"' and (not slash or other not in layers):
                yield f'{where}: includes "{name}"; write the path from src, beginning with a folder of the table'
            elif quote == '"' and "/detail/" in name and other != folder:
                yield f"{where}: {name} is private to {name.partition('/detail/')[0]}"
            elif quote == '"' and other != folder and layers[other] >= layers[folder]:
                yield f"{where}: {folder} (layer {layers[folder]}) includes {name} (layer {layers[other]})"


def owner_breaches(root):
    for path in sources(root, "src"):
        place = path.relative_to(root).as_posix()
        for line, _, name in includes(path):
            for pattern, owners in OWNERS:
                if re.fullmatch(pattern, name) and not any(place.startswith(owner + "/") for owner in owners):
                    yield f"{place}:{line}: includes <{name}>, which belongs to {' and '.join(owners)} alone"


def host_breaches(root):
    """Folders without Kokkos must not meet it through a header of another folder either."""
    reaches = {}

    def way_to_kokkos(path):
        if path not in reaches:
            reaches[path] = None  # ends cycles
            for _, _, name in includes(path):
                if name.startswith("Kokkos_"):
                    reaches[path] = [name]
                elif (root / "src" / name).is_file() and (way := way_to_kokkos(root / "src" / name)):
                    reaches[path] = [name, *way]
        return reaches[path]

    for folder in HOST_ONLY:
        for path in sources(root, f"src/{folder}"):
            if way := way_to_kokkos(path):
                yield f"{path.relative_to(root)}: {folder} is host-only, yet reaches Kokkos by {' -> '.join(way)}"


def build_breaches(root):
    lists = {path.parent: path.read_text() for top in ("src", "tests") for path in (root / top).rglob("CMakeLists.txt")}
    for folder, text in lists.items():
        if re.search(r"GLOB[^)]*\.cpp", text) and folder.name not in GLOBBED:
            yield f"{folder.relative_to(root)}/CMakeLists.txt: globs sources; only {' and '.join(GLOBBED)} may"
    for path in sources(root, "src", ["*.cpp"]) + sources(root, "tests", ["*.cpp"]):
        folder = next((parent for parent in path.parents if parent in lists), None)
        name = path.relative_to(folder).as_posix() if folder else path.name
        text = lists.get(folder, "")
        globbed = folder and folder.name in GLOBBED and re.search(r"GLOB[^)]*\.cpp", text)
        if not globbed and not re.search(rf"(?<![\w/.]){re.escape(name)}(?!\w)", text):
            yield f"{path.relative_to(root)}: no CMakeLists.txt names it, so nothing builds it"


def first_include_breaches(root):
    """A header that its own source includes first is compiled without help from others; the rest: tests/rules/CMakeLists.txt."""
    for header in sources(root, "src", ["*.hpp"]):
        source, name = header.with_suffix(".cpp"), header.relative_to(root / "src").as_posix()
        if source.is_file() and [found for _, _, found in includes(source)][:1] != [name]:
            yield f"{source.relative_to(root)}: must include {name} before anything else, which shows that the header is complete"


def kind_breaches(root):
    rows = "".join((root / name).read_text() for name in KIND_ROWS if (root / name).is_file())
    names = "|".join(re.findall(r'\.name = "(\w+)"', rows))
    of_kind = r'\w*(kind|dispatcher)\b\)?\s*([=!]=|\.\w+\()\s*"'
    to_name = rf'(?<!operation )[=!]=\s*"({names})"|"({names})"\s*[=!]='
    asks = re.compile(rf"{of_kind}|{to_name}" if names else of_kind)
    for path in sources(root, "src"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if asks.search(line):
                yield f"{path.relative_to(root)}:{number}: asks for a kind by its name; let its row in config say it"


def linkage_breaches(root):
    """A kind of gate or dispatcher, which is a source without a header in a globbed folder, shows its factory alone: two kinds
    may then have helpers of one name. Formatted as ours, what stands at namespace scope begins a line."""
    for folder in GLOBBED:
        for path in sources(root, f"src/{folder}", ["*.cpp"]):
            if path.with_suffix(".hpp").is_file() or path.name == "registry.cpp":
                continue
            shown = ANONYMOUS.sub(lambda match: "\n" * match[0].count("\n"), path.read_text())
            factory = re.compile(rf"\bmake_{path.stem}(_gate|_loss)?[<(]")
            for number, line in enumerate(shown.splitlines(), 1):
                if line.strip() and not AT_NAMESPACE_SCOPE.match(line) and not factory.search(line):
                    yield f"{path.relative_to(root)}:{number}: only the factory may stand outside an anonymous namespace"


def word_breaches(root):
    for path in sources(root, "src"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for pattern in UNFINISHED:
                if match := re.search(pattern, line):
                    yield f"{path.relative_to(root)}:{number}: unfinished by its own word: {match[0]}"


def layer_count_breaches(root):
    for folder in COUNT_ROUTERS:
        for path in sources(root, f"src/{folder}"):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if "num_layers" in line and path.relative_to(root / "src").as_posix() not in COUNT_LAYERS:
                    yield f"{path.relative_to(root)}:{number}: num_layers; count what is meant: routers(), num_attention_layers()"


def check(root):
    layers = layer_table(root)
    if not layers:
        return ["docs/architecture.md: no table of folders and layers found"]
    return [
        *first_include_breaches(root),
        *layer_breaches(root, layers),
        *owner_breaches(root),
        *host_breaches(root),
        *build_breaches(root),
        *linkage_breaches(root),
        *kind_breaches(root),
        *layer_count_breaches(root),
        *word_breaches(root),
    ]


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    breaches = check(root)
    print("\n".join(breaches) if breaches else "the tree keeps its order")
    sys.exit(1 if breaches else 0)


if __name__ == "__main__":
    main()

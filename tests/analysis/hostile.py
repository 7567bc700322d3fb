"""Studies that nobody would draw for pleasure: names of every kind, and numbers that are none."""

import h5py
import numpy as np

from synthetic_run import WARM_UP, study_of, write_run

NAMES = [
    "plain",
    "$x_{1}^2$ costs 5 $ & 3 % of #7 ~ \\frac{1$ ^ {",
    "größe → 温度 🙂",
    "_private $\\frac{$",
    "[1] *\nnext line\tand tab",
    "x" * 150,
    "W" * 30,
    "hidden_size 4096, num_layers 32, num_experts 128, top_k 8, capacity_factor 1.25, sequences 2048, tp 8, ep 64, edp 2",
]
DOMAINS = ["$c_{ode}$", "Überschriften: " + "sehr lang " * 12, "_licences"]
CONTRASTS = [
    {"name": name, "measure": measure, "first": {"study": NAMES[0]}, "second": {"study": name}}
    for name, measure in zip(
        NAMES[1:],
        ["step_seconds", "held_out_loss", "mfu_measured_megatron_causal", "memory_bytes", *3 * ["tokens_per_second"]],
        strict=True,
    )
]


def without_numbers(path, first):
    """Every real number from step `first` on is NaN or infinite; from 0 on those of the summary as well."""
    with h5py.File(path, "r+") as file:
        names = []
        file.visit(lambda name: names.append(name))
        for name in names:
            real = isinstance(file[name], h5py.Dataset) and file[name].dtype.kind == "f"
            if real and name.startswith("derived/summary") and first == 0:
                file[name][...] = np.nan
            elif real and not name.startswith("derived/summary"):
                values = file[name][()]
                after = values[first:].reshape(-1)
                after[:] = np.resize([np.nan, np.inf, -np.inf], after.size)
                file[name][...] = values
        file["raw/expert_tokens_routed"][max(first, WARM_UP) :] = 0
    return path


def hardly_changing(path):
    """Every real number within a millionth of the mean of its dataset."""
    with h5py.File(path, "r+") as file:
        names = []
        file.visit(lambda name: names.append(name))
        for name in names:
            if isinstance(file[name], h5py.Dataset) and file[name].dtype.kind == "f" and np.isfinite(file[name][()]).all():
                mean = file[name][()].mean()
                file[name][...] = mean + 1e-6 * (file[name][()] - mean)
    return path


def with_domains(path):
    with h5py.File(path, "r+") as file:
        del file["domain"]
        file["domain"] = np.array(DOMAINS, dtype=h5py.string_dtype())
    return path


def launches(folder, config, lost, first, **changes):
    """One of each name, by path; those numbered in `lost` diverge in step `first`."""
    folder.mkdir()
    paths = [with_domains(write_run(folder / f"{number}.h5", config=config, **changes)) for number in range(len(NAMES))]
    for number in lost:
        without_numbers(paths[number], first)
    return {path: {"study": name} for path, name in zip(paths, NAMES, strict=True)}


def studies(folder, lost=(), first=0):
    """Of arms that differ in their name alone; in a name and the timing, the ranks, the routing, or the capacity."""
    free = launches(folder / "free", {}, lost, first, timing="free")
    others = {
        "timing": launches(folder / "phased", {}, lost, first),
        "ranks": launches(folder / "ranks", {"layout.ranks": 8, "layout.dp": 4}, lost, first, timing="free"),
        "work": launches(folder / "work", {"layout.ranks": 8, "layout.dp": 4, "batch.sequences": 16}, lost, first, timing="free"),
        "routing": launches(folder / "routing", {"routing.forced": "even"}, lost, first, timing="free", routing="forced:even"),
        "capacity": launches(folder / "capacity", {"capacity.factor": 2.0}, lost, first, timing="free"),
    }
    found = {"names": free} | {name: free | other for name, other in others.items()}
    for name, labels in found.items():
        found[name] = study_of(labels, labels=labels)
        found[name].contrasts = CONTRASTS if name != "routing" else []  # whose names stand for two arms each
    return found

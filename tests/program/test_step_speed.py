"""experiments/step_speed compares like with like, and its interval is the one of docs/definitions.md."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "experiments/step_speed"


def load(name):
    specification = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_both_programs_run_the_same_four_models():
    ours = re.findall(r'\{"(\w+)", ([\d, ]+)\}', (ROOT / "src/apps/benchmarks/cases.cpp").read_text())
    names = ["hidden", "layers", "heads", "kv_heads", "width", "experts", "top_k", "vocabulary", "sequences", "length"]
    table = (FOLDER / "hugging_face_step.py").read_text().split("CASES = ")[1].split("\n}")[0] + "}"
    theirs = eval(table)  # the file itself imports torch
    assert len(ours) == 4
    assert {case: dict(zip(names, map(int, sizes.split(",")), strict=True)) for case, sizes in ours} == theirs


def test_interval_of_six_launches_is_their_range_and_fewer_have_none():
    compare = load("compare")
    assert compare.interval([3, 1, 2, 6, 5, 4]) == (1, 6)
    assert all(value != value for value in compare.interval([1, 2, 3, 4, 5]))
    assert compare.interval(list(range(20))) == (5, 14)  # ranks 6 and 15: Conover, Practical Nonparametric Statistics

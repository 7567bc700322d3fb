"""Run files, measures, and what may be said of launches and seeds, through the one reader and the one judge of analysis/."""

import sys

from .program import ROOT

sys.path.insert(0, str(ROOT / "analysis"))

from comparison import across
from decided_by import MACHINE, SEED
from decided_by import of as decided_by
from launch_statistics import pairs_needed
from launches import Launches, name_of
from launches import find as find_launches
from measures import OF_HELD_OUT_TEXT, measure
from measures import names as measure_names
from run_file import BadRunFile, Run, standing
from study import Study

__all__ = [
    "MACHINE",
    "OF_HELD_OUT_TEXT",
    "SEED",
    "BadRunFile",
    "Launches",
    "Run",
    "Study",
    "across",
    "decided_by",
    "find_launches",
    "measure",
    "measure_names",
    "name_of",
    "pairs_needed",
    "standing",
]

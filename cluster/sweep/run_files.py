"""Run files, and what may be said of launches and seeds, through the one reader and the one judge of analysis/."""

import sys

from .program import ROOT

sys.path.insert(0, str(ROOT / "analysis"))

from decided_by import SEED
from decided_by import of as decided_by
from launch_statistics import pairs_needed
from run_file import BadRunFile, Run, standing

__all__ = ["SEED", "BadRunFile", "Run", "decided_by", "pairs_needed", "standing"]

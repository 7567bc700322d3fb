"""Run files, and what may be said of launches, through the one reader and the one judge of analysis/."""

import sys

from .program import ROOT

sys.path.insert(0, str(ROOT / "analysis"))

from launch_statistics import pairs_needed
from run_file import BadRunFile, Run, standing

__all__ = ["BadRunFile", "Run", "pairs_needed", "standing"]

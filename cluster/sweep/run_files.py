"""Run files through the one reader of analysis/."""

import sys

from .program import ROOT

sys.path.insert(0, str(ROOT / "analysis"))

from run_file import BadRunFile, Run, standing

__all__ = ["BadRunFile", "Run", "standing"]

"""What lies among the results and is none of them, such as a copy that somebody made of an attempt's folder."""

import re

from .cell_files import is_attempt

OF_JOBS = re.compile(r"array_\d+(\.sh|\.txt|\.ended\.\d+|_\d+\.log)")


def strangers(results):
    _, cells = results.load()
    names = {cell.name for cell in cells}
    for folder in sorted((results.folder / "cells").glob("*")):
        if folder.name not in names:
            yield folder
        else:
            yield from sorted(path for path in folder.glob("attempt*") if not is_attempt(path))
    yield from sorted(path for path in (results.folder / "jobs").glob("array_*") if not OF_JOBS.fullmatch(path.name))

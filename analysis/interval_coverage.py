#!/usr/bin/python3
"""Whether intervals and claims keep their word, tried on recorded launches of one configuration (an A/A pair).

Prints for several n how often the 95 % intervals of a median, a paired and an unpaired effect cover the true value: over launches
drawn at random from those recorded, which are independent then, and over launches in a row, as a study has them. Beside it stands
how often a difference of the two equal arms would have been claimed."""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

import launch_statistics
import launches
from launch_statistics import differs, median, paired_effect, share, unpaired_effect
from measures import measure
from run_file import BadRunFile
from study import Study

MEASURE = "step_seconds"
SIZES = (6, 7, 9, 12)  # n; six is the fewest
DRAWS = 2000  # of each; their own error is below half a percent
HEADS = ("median, drawn", "paired, drawn", "unpaired, drawn", "median, in a row", "false differences")
COLUMNS = ("number", "arm", MEASURE)


def of_study(study):
    """Logarithms of the measure of both arms of the study's one A/A pair, in the order in which they were made."""
    pairs = study.equal_arms()
    if len(pairs) != 1:
        raise BadRunFile(f"{len(pairs)} pairs of arms have one configuration; coverage is tried on one A/A pair.")
    first, second = (np.array([measure(MEASURE).of(run) for run in arm.runs]) for arm in pairs[0])
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise BadRunFile(f"{MEASURE} is no number in some launch (phased, or more threads than cores).")
    return first, second


def read(path):
    """What `write` wrote."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(np.array([float(row[MEASURE]) for row in rows if row["arm"] == arm]) for arm in ("first", "second"))


def write(path, first, second):
    rows = [
        (number, arm, values[number]) for number in range(len(first)) for arm, values in (("first", first), ("second", second))
    ]
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


def covers(estimate, truth):
    return estimate.low <= truth <= estimate.high


def drawn(first, second, n, seed=1):
    """(median, paired effect, unpaired effect): the share of intervals over n launches, drawn with replacement, that cover the
    truth: the median of all, and an effect of 0, since each pair is taken in either order and each arm from all launches."""
    random = np.random.default_rng(seed)
    everything, logs = np.concatenate([first, second]), np.log(first) - np.log(second)
    truth = float(np.median(everything))
    hits = np.zeros(3, int)
    for _ in range(DRAWS):
        signs = random.choice([-1, 1], n)
        hits += (
            covers(median(random.choice(everything, n)), truth),
            covers(paired_effect(signs * random.choice(logs, n)), 0),
            covers(unpaired_effect(*np.log(random.choice(everything, (2, n)))), 0),
        )
    return [share(int(hit), DRAWS) for hit in hits]


def in_a_row(first, second, n):
    """(median, paired effect, false differences) over blocks of n successive launches of each arm."""
    starts = range(0, min(len(first), len(second)) - n + 1, n)
    logs, truth = np.log(second) - np.log(first), float(np.median(np.concatenate([first, second])))
    medians = [covers(median(values[start : start + n]), truth) for values in (first, second) for start in starts]
    effects = [paired_effect(logs[start : start + n]) for start in starts]
    claimed = [differs(effect, effect.p) for effect in effects]
    return [share(sum(told), len(told)) for told in (medians, [covers(effect, 0) for effect in effects], claimed)]


def lines(first, second):
    yield f"{len(first)} and {len(second)} launches; share of 95 % intervals that cover (its own 95 % interval)"
    yield "  n  " + "".join(f"{head:<22}" for head in HEADS)
    for n in SIZES:
        if n <= len(first):
            of_median, _, claimed = in_a_row(first, second, n)
            yield f"{n:>3}  " + "".join(f"{_told(each):<22}" for each in (*drawn(first, second, n), of_median, claimed))


def _told(part):
    return f"{part.value:6.1%} ({part.low:.1%}-{part.high:.1%})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("launches", type=Path, help="folder of a sweep's results with one A/A pair, or a CSV that --write made")
    parser.add_argument("--write", type=Path, metavar="CSV", help="also keep the launches' numbers in this file")
    given = parser.parse_args()
    try:
        both = read(given.launches) if given.launches.suffix == ".csv" else of_study(Study(launches.find([given.launches])))
        if min(map(len, both)) < launch_statistics.FEWEST_LAUNCHES:
            raise BadRunFile(f"{given.launches}: {min(map(len, both))} launches of an arm; coverage is tried from six on.")
        print("\n".join(lines(*both)))
        if given.write:
            write(given.write, *both)
    except (BadRunFile, OSError, KeyError, ValueError) as error:
        sys.exit(f"interval_coverage.py: {error}")


if __name__ == "__main__":
    main()

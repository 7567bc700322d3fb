"""Expected seconds of a launch: 6 x active parameters x tokens / the rate of its cores. A planning aid, never a result."""

from dataclasses import dataclass

START_UP_SECONDS = 5
MARGIN = 3  # a time limit leaves this much room
UNKNOWN_SECONDS = 3000  # a time limit's, where there is no estimate
SECONDS_BETWEEN_CHECKPOINTS = 600  # so much is lost at most where a launch is killed without a warning


def expected_seconds(value_of, active_parameters, ranks, threads, nodes, site):
    """None where the sweep does not say how many tokens a run trains on."""
    sizes = [value_of(key) for key in ("batch.sequences", "batch.sequence_length", "train.steps")]
    if not all(type(size) is int for size in sizes):  # the program refuses what is there and no whole number
        return None
    tokens = sizes[0] * sizes[1] * sizes[2]
    workers = min(ranks * threads, nodes * site.cores_per_node)
    return START_UP_SECONDS + 6 * active_parameters * tokens / (workers * site.flops_per_core)


def time_limit(minutes, seconds, notice_seconds):
    """Minutes: as the sweep file says, else the notice and the estimate with a margin, in steps of ten."""
    if minutes:
        return minutes
    needed = UNKNOWN_SECONDS if seconds is None else MARGIN * seconds
    return 10 * (1 + int((needed + notice_seconds) / 600))


def checkpoint_every(steps, seconds):
    """Steps between checkpoints of a launch that is expected to take longer than that; 0 for a shorter one."""
    if steps is None or seconds is None or seconds <= SECONDS_BETWEEN_CHECKPOINTS:
        return 0
    return max(1, int(steps * SECONDS_BETWEEN_CHECKPOINTS / seconds))


@dataclass(frozen=True)
class Correction:
    """Measured / expected seconds of finished launches: of their sum, and of those that differ most from the expectation."""

    factor: float = 1.0
    least: float = 1.0
    most: float = 1.0
    launches: int = 0

    def __str__(self):
        """How far an expectation may be off."""
        if not self.launches:
            return "no cell is timed yet: they may be far off, many times too long or too short"
        spread = f", from {self.least:.2g} to {self.most:.2g}" if self.launches > 1 else ""
        cells = f"{self.launches} timed cell{'' if self.launches == 1 else 's'}"
        return f"corrected by {self.factor:.2g}, as {cells} took{spread}"


def correction(timed):
    """Of finished launches [(seconds, expected)]."""
    ratios = [seconds / expected for seconds, expected in timed]
    if not ratios:
        return Correction()
    factor = sum(pair[0] for pair in timed) / sum(pair[1] for pair in timed)
    return Correction(factor, min(ratios), max(ratios), len(ratios))


def left(seconds, corrected):
    """In words; `corrected`: the Correction that is in `seconds`."""
    return f"about {duration(seconds)}" + ("" if corrected.launches else ", a guess until a cell is timed")


def duration(seconds):
    if seconds is None:
        return "?"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def size(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return ""

"""What a plan refuses of the sweep as a whole; what a single cell cannot be is dropped with its reason."""

from . import Mistake, collect


def require_labels(launches, sweep):
    """A label is a column of the table beside the table's own, and no key of the file that slipped into a table."""
    for label in dict.fromkeys(label for point in launches for label in point.labels):
        if label in ("repeats", "seeds"):
            raise Mistake(
                f"{sweep.path}: {label} stands in a table, where it is no more than a label; write it above the first one"
            )
        if label in collect.COLUMNS or "/" in label:
            raise Mistake(
                f"{sweep.path}: {label} cannot be the name of a label: it has no / in it, "
                f"and these are columns of the table already: {', '.join(collect.COLUMNS)}"
            )


def require_time(cells, site):
    """The notice comes so long before the limit; at or above it each attempt would be stopped as soon as it begins."""
    for cell in cells:
        if 60 * cell.minutes <= site.notice_seconds:
            raise Mistake(
                f"launch.minutes = {cell.minutes} leaves a launch no time before the notice of its limit: "
                f"it must be above notice_seconds = {site.notice_seconds} of the site {site.name}"
            )


def require_distinct(cells):
    seen = {}
    for cell in cells:
        other = seen.setdefault(cell.cell_key, cell)
        if other is not cell:
            raise Mistake(f"the cells {other.name} and {cell.name} have the same cell_key: a swept key makes no difference")

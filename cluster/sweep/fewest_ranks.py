"""The number of ranks of a point that does not say it, from the program: the driver has no rule of the layout of its own."""

from . import program
from .point_values import RANKS, in_force, settings_of


def _named(settings):
    return repr(sorted(settings.items()))


class FewestRanks:
    """Asks once for each different layout, with what [set] gives. Where that is refused, the layout may still suit what a point
    sets besides, its number of experts for example: then the question is about the point."""

    def __init__(self, sweep, executable):
        self._sweep, self._executable = sweep, executable
        self._fixed = settings_of(sweep.fixed)
        self._answers = {}

    def of(self, values):
        """As given, else the fewest that the layout allows; None where the program refuses the point."""
        if given := in_force(values, self._sweep).get(RANKS):
            return given
        settings = settings_of(values)
        layout = self._fixed | {key: value for key, value in settings.items() if key.startswith("layout.")}
        if self._ask(layout) is None:
            self._answers[_named(layout)] = self._ask(settings)
        return self._answers[_named(layout)]

    def _ask(self, settings):
        asked = _named(settings)
        if asked not in self._answers:
            said, _ = program.dry_run(self._executable, self._sweep.base, settings, threads=1)
            self._answers[asked] = said["layout"]["ranks"] if said else None
        return self._answers[asked]

"""Several launches, sorted into arms: launches of one configuration, that differ only in what a repeat may differ in.

Free launches are compared. A phased one of the same configuration explains them and never enters a comparison."""

import tomllib
from dataclasses import dataclass, field

import numpy as np

import arm_names
from decided_by import SEED
from run_file import BadRunFile, NotDrawn, Run

# Not part of a configuration: where a file lies, and what makes a launch one of several.
OF_THE_LAUNCH = ("record.path", "record.repeat", "train.seed", "checkpoint.every", "checkpoint.keep", "checkpoint.path")
TIMING = "train.timing"


@dataclass
class Arm:
    """The launches of one configuration, in the order in which they were made, and the values that tell it from the others.

    `runs` carry claims. `explaining`: phased launches of the same, where there are free ones to claim from."""

    label: str
    values: dict
    configuration: dict
    runs: list[Run]
    explaining: list[Run] = field(default_factory=list)

    def told_apart(self):
        """The launches that tell best where a step's time goes: phased ones where there are any."""
        return self.explaining or self.runs

    def forced(self):
        return any(run.forced() for run in self.runs)

    def routed(self):
        """Whether there is more than one expert; the load of one alone is even by definition and says nothing."""
        return self.configuration.get("model.num_experts") != 1

    def seeds(self):
        """Of each launch."""
        return [run.config.get("train.seed") for run in self.runs]

    def one_of_each_seed(self):
        return [self.runs[self.seeds().index(seed)] for seed in dict.fromkeys(self.seeds())]

    def samples(self, decided_by):
        """What pairs each sample with one of another arm: its seed, of what the seed decides; else seed and repeat."""
        if decided_by == SEED:
            return [*dict.fromkeys(self.seeds())]
        return [(run.config.get("train.seed"), run.config.get("record.repeat")) for run in self.runs]

    def of_samples(self, values, decided_by):
        """[launch, ...] -> [sample, ...]: where the seed decides, launches of one seed are one sample. They should be equal; of
        those that are not, which `collect` tells, the median is taken."""
        values = np.asarray(values, float)
        if decided_by != SEED:
            return values
        seeds = self.seeds()
        with np.errstate(invalid="ignore"):
            return np.array([np.median(values[[own == seed for own in seeds]], axis=0) for seed in dict.fromkeys(seeds)])


class Study:
    """`keys`: the configuration keys that tell arms apart in labels; found by comparing where they are not given. `sweep`: TOML
    file whose [analysis] may name `by` (such keys) and `baseline` (values of keys), and which declares contrasts; without it
    those of the sweep's manifest hold."""

    def __init__(self, launches, keys=None, sweep=None):
        declared = _declared(sweep) if sweep else {}
        self.contrasts = declared.get("contrast", launches.contrasts)
        analysis = declared.get("analysis", launches.analysis)
        self._baseline = analysis.get("baseline")
        named = keys or analysis.get("by")
        every_run = sorted((Run(path) for path in launches.paths), key=lambda run: (run.created(), str(run.path)))
        self._label_names = sorted({name for labels in launches.labels.values() for name in labels})
        self._labels = launches.labels
        self.runs, explaining = self._told(every_run, TIMING in [*(named or []), *launches.keys])
        configurations = [self._configuration(run) for run in self.runs]
        every_key = sorted(set().union(*configurations))
        self.varied = [key for key in every_key if len({arm_names.as_text(values.get(key)) for values in configurations}) > 1]
        candidates = [key for key in self.varied if key in launches.keys] or self.varied
        self.keys = named or arm_names.telling(candidates, configurations)
        self.arms = self._sort(configurations)
        for arm in self.arms:
            arm.explaining = [run for run in explaining if self._same_but_timing(run) == self._same_but_timing(arm.runs[0])]
        self.explaining = explaining

    def _configuration(self, run):
        return _configuration(run) | self._labels.get(run.path, {})

    def _same_but_timing(self, run):
        """Labels of a sweep aside: one launch explains both arms of an A/A pair."""
        return arm_names.as_text({key: value for key, value in _configuration(run).items() if key != TIMING})

    def _told(self, runs, timing_is_varied):
        """(launches that are compared, phased ones that explain free ones of the same configuration)"""
        free = {self._same_but_timing(run) for run in runs if not run.phased()}
        explains = [not timing_is_varied and run.phased() and self._same_but_timing(run) in free for run in runs]
        return ([run for run, is_so in zip(runs, explains, strict=True) if is_so is wanted] for wanted in (False, True))

    def _sort(self, configurations):
        groups = {}
        for run, configuration in zip(self.runs, configurations, strict=True):
            identity = tuple(arm_names.as_text(configuration.get(key)) for key in self.varied)
            groups.setdefault(identity, (configuration, []))[1].append(run)
        names = arm_names.short(self.keys)
        arms = []
        for configuration, runs in groups.values():
            values = {key: configuration.get(key) for key in self.keys}
            label = ", ".join(arm_names.named(names[key], value) for key, value in values.items() if key != arm_names.ROUTING)
            arms.append(Arm(label, values, configuration, runs))
        arms.sort(key=lambda arm: [arm_names.order(value) for value in arm.values.values()])
        return arm_names.distinctly_labelled(arm_names.with_routing(arms, self._named_by_a_label(arms)))

    def _named_by_a_label(self, arms):
        """Whether labels of the sweep alone name the arms, each its own."""
        return (
            {*self.keys} <= {*self._label_names}
            and "" not in (labels := {arm.label for arm in arms})
            and len(labels) == len(arms)
        )

    def fixed(self):
        """Keys of the configuration that have one value in all launches."""
        return {key: value for key, value in self.arms[0].configuration.items() if key not in (*self.varied, "commit")}

    def _fitting(self, values):
        return [arm for arm in self.arms if all(arm.configuration.get(key) == value for key, value in values.items())]

    def has(self, values):
        """Whether there are launches with these values."""
        return bool(self._fitting(values))

    def has_both(self, contrast):
        """Whether there are launches of both arms of a [[contrast]]."""
        return all(self.has(contrast.get(side, {})) for side in ("first", "second"))

    def arm(self, values):
        """The one arm whose configuration has these values."""
        fitting = self._fitting(values)
        if len(fitting) != 1:
            raise BadRunFile(f"{len(fitting)} of {len(self.arms)} configurations have {values}; it must be one.")
        return fitting[0]

    def baseline(self):
        """The declared one, else of the arms whose gate chose, where there are any, the one that most contrasts have as `first`,
        else the first."""
        if self._baseline:
            return self.arm(self._baseline)
        able = [arm for arm in self.arms if not arm.forced()] or self.arms
        return max(able, key=lambda arm: self._first_sides().count([arm]))

    def named_baseline(self):
        """The label of the baseline where it is declared, the only one whose gate chose, or `first` in more contrasts than any
        other; else ""."""
        able = [arm for arm in self.arms if not arm.forced()] or self.arms
        most = sorted(self._first_sides().count([arm]) for arm in able)[-2:]
        said = self._baseline or len(able) == 1 or most[0] < most[-1]
        return self.baseline().label if said and len(self.arms) > 1 else ""

    def _first_sides(self):
        return [self._fitting(contrast.get("first", {})) for contrast in self.contrasts]

    def gates(self):
        """Label -> gate of the arms whose gate no other arm has, and of the baseline, where gates vary."""
        gates = {arm.label: arm.configuration.get("gate.kind") for arm in self.arms}
        several, own = [*gates.values()], self.baseline().label
        return {
            label: gate for label, gate in gates.items() if len({*several}) > 1 and (several.count(gate) == 1 or label == own)
        }

    def equal_arms(self):
        """Pairs of arms that differ in a sweep's own labels alone: A/A pairs, whose difference is what chance makes."""
        plain = [{key: value for key, value in arm.configuration.items() if key not in self._label_names} for arm in self.arms]
        pairs = [(i, j) for j in range(len(plain)) for i in range(j) if plain[i] == plain[j]]
        return [(self.arms[i], self.arms[j]) for i, j in pairs]

    def every_run(self):
        return self.runs + self.explaining

    def arms_for_times(self):
        """Arms whose times may be drawn: enough cores."""
        able = [arm for arm in self.arms if not any(run.oversubscribed() for run in arm.runs)]
        if not able:
            raise NotDrawn("more threads than cores in every run, so no time is drawn.")
        return able

    def free_arms(self):
        """Those that times, throughput and utilisation may be claimed of."""
        able = [arm for arm in self.arms_for_times() if not arm.runs[0].phased()]
        if not able:
            raise NotDrawn("no free run.")
        return able

    def natural_arms(self):
        """Those whose losses may be drawn."""
        able = [arm for arm in self.arms if not arm.forced()]
        if not able:
            raise NotDrawn("the routing of every run is forced, so no loss is drawn.")
        return able

    def routed_arms(self):
        """Those whose tokens are routed to one of several experts."""
        able = [arm for arm in self.arms if arm.routed()]
        if not able:
            raise NotDrawn("every configuration has one expert, so nothing is routed.")
        return able

    def natural_of(self, arm):
        """The arm that differs in nothing but that its gate chose, a sweep's own labels aside; None where there is none."""
        same = {
            key: value
            for key, value in arm.configuration.items()
            if key not in self._label_names and not key.startswith("routing.")
        }
        return next((other for other in self.arms if not other.forced() and same.items() <= other.configuration.items()), None)

    def explained_arms(self):
        """Those with phased launches, which say where a step's time goes."""
        able = [arm for arm in self.arms_for_times() if arm.told_apart()[0].phased()]
        if not able:
            raise NotDrawn("no phased run.")
        return able

    def marks(self):
        """The marks of all launches, with the number of launches that each is true of; without what follows a colon where that
        differs."""
        alike, runs = {}, self.every_run()
        for run in runs:
            for mark in run.marks():
                alike.setdefault(mark.split(":")[0], []).append(mark)
        if len(runs) == 1:
            return [mark for marks in alike.values() for mark in marks]
        return [
            f"{marks[0] if len(set(marks)) == 1 else kind} ({len(marks)} of {len(runs)} launches)"
            for kind, marks in alike.items()
        ]


def _declared(sweep):
    try:
        return tomllib.loads(sweep.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRunFile(f"{sweep}: not a TOML file ({error}).") from None


def _configuration(run):
    """What makes a launch comparable: every value in force, and what the build and its start added."""
    facts = {key: value for key, value in run.config.items() if key not in OF_THE_LAUNCH}
    return facts | {"threads": run.provenance("threads_per_rank"), "commit": run.provenance("commit")[:10]}

"""What [[sweep.exclude]] leaves out: points with all of a rule's values, of which its expression is true."""

from . import Mistake
from .expression import evaluate
from .point_values import RANKS, in_force, value_in
from .toml_file import kind


class _NoRanks(Exception):
    """A rule asks for the ranks of a point that the program refuses."""


def _of_rule(rule):
    return {key: value for key, value in rule.items() if key != "where"}


def require_kinds(points, sweep):
    """A rule that compares a key with a value of a kind that it has nowhere would never hold."""
    everywhere = [{RANKS: 0} | in_force(values, sweep) for values in points if sweep.parts["exclude"]]
    for number, rule in enumerate(sweep.parts["exclude"], 1):
        for key, value in _of_rule(rule).items():
            kinds = [kind(values[key]) for values in everywhere if key in values]
            if kinds and kind(value) not in kinds:
                told = f"{key} = {value!r} is a {kind(value)}, and {key} is a {kinds[0]} everywhere"
                raise Mistake(f"{sweep.path}: [[sweep.exclude]] number {number}: {told}")


def _value_in(values, sweep, fewest_ranks):
    """The ranks are found when they are asked for: a point that is left out for another reason costs no question."""
    value_of = value_in(values, sweep)

    def value_or_ranks(name):
        if name != RANKS:
            return value_of(name)
        if (ranks := fewest_ranks.of(values)) is None:
            raise _NoRanks
        return ranks

    return value_or_ranks


def _holds(rule, value_of):
    """Of a point without ranks no rule holds that asks for them: the program's own reason is told for it."""
    try:
        fixed = all(value_of(key) == value for key, value in _of_rule(rule).items())
        return fixed and ("where" not in rule or evaluate(rule["where"], value_of))
    except _NoRanks:
        return False


def exclusion(values, sweep, fewest_ranks):
    """Why the sweep file leaves these values out; empty where it does not."""
    value_of = _value_in(values, sweep, fewest_ranks)
    for number, rule in enumerate(sweep.parts["exclude"], 1):
        if _holds(rule, value_of):
            told = [f"{key} = {value}" for key, value in _of_rule(rule).items()] + [rule[key] for key in rule if key == "where"]
            return f"[[sweep.exclude]] number {number}: {', '.join(told)}"
    return ""

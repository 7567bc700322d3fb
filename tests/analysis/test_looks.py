"""Looks that mean different things differ, in colour and in grey."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb

import looks
from synthetic_run import PHASES, PURPOSES

TABLES = {name: getattr(looks, name) for name in ("PHASES", "PARTS", "AXES", "PURPOSES")}
COLOURS_APART, FAMILIES_APART = 25, 18  # CIE 1976 colour differences: of looks in one figure, and of two figures
GREYS_APART = 10  # of lightness from 0 to 100, where both have the same hatch


def lab(colour):
    """CIE L*a*b* of sRGB under D65."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    x, y, z = np.cbrt(xyz / [0.95047, 1, 1.08883])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(one, other):
    return np.linalg.norm(lab(one) - lab(other))


@pytest.mark.parametrize("name", TABLES)
def test_looks_of_one_table_differ_in_colour_and_in_grey(name):
    for (one, (colour, hatch)), (other, (its, its_hatch)) in itertools.combinations(TABLES[name].items(), 2):
        same_colour = difference(colour, its) < COLOURS_APART
        assert not (same_colour and hatch == its_hatch), (one, other)
        assert name == "PARTS" or not same_colour, (one, other)
        assert hatch != its_hatch or abs(lab(colour)[0] - lab(its)[0]) >= GREYS_APART, (one, other)


def test_a_colour_of_a_phase_means_nothing_else():
    elsewhere = {**looks.PARTS, **looks.AXES, **looks.PURPOSES}
    for (phase, (colour, _)), (other, (its, _)) in itertools.product(looks.PHASES.items(), elsewhere.items()):
        assert phase == other or difference(colour, its) >= FAMILIES_APART, (phase, other)


def test_every_phase_axis_and_purpose_of_a_run_file_has_a_look():
    assert set(looks.PHASES) == set(PHASES) - set(looks.BETWEEN_STEPS)
    assert set(looks.PURPOSES) == set(PURPOSES) and set(looks.AXES) == set(looks.AXIS_WORDS)


def test_every_gate_has_a_look_that_no_other_has():
    registry = (Path(__file__).parents[2] / "src/gates/registry.cpp").read_text(encoding="utf-8")
    kinds = re.findall(r"^  GATE\((\w+)\)", registry, re.MULTILINE)
    assert len(kinds) > 20 and set(kinds) <= set(looks.METHODS)
    assert len({looks.METHODS[kind] for kind in kinds}) == len(kinds)


def test_colours_of_arms_differ_and_no_colour_meets_a_marker_twice():
    for one, other in itertools.combinations(looks.COLOURS, 2):
        assert difference(one, other) >= COLOURS_APART, (one, other)
    assert len(set(looks.CYCLE)) == len(looks.CYCLE) == 96


def test_markers_of_methods_and_numerators_differ_where_they_meet():
    for table in (looks.NUMERATORS, {gate: looks.METHODS[gate] for gate in list(looks.METHODS)[:6]}):
        for one, other in itertools.combinations(table.values(), 2):
            assert one[0] != other[0] and one[1] != other[1]
    assert len(set(looks.OPERATIONS.values())) == len(looks.OPERATIONS)

"""Numbers at ticks are whole in themselves; what is smoothed says so and loses no number that is none."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import lettering
import numerals
import smoothing
import style
from table import Table


def ticks(values):
    formatter = numerals.Plain()
    return [*formatter.format_ticks(values), formatter.get_offset()]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1.01940, 1.01941, 1.01942], ["1.01940", "1.01941", "1.01942"]),
        ([0, 20000, 40000], ["0", "20,000", "40,000"]),
        ([-0.25, 0, 0.25], ["\N{MINUS SIGN}0.25", "0.00", "0.25"]),
        ([0, 2e-7, 4e-7], ["0", "2e\N{MINUS SIGN}07", "4e\N{MINUS SIGN}07"]),
        ([0, 1e30], ["0", "1e+30"]),
    ],
)
def test_ticks_have_neither_offset_nor_factor(values, texts):
    assert ticks(values) == [*texts, ""]


def test_every_axis_of_a_figure_without_a_formatter_of_its_own_gets_plain_numbers():
    figure = Figure()
    one, other = figure.subplots(1, 2)
    other.yaxis.set_major_formatter("{x:.0f}")
    numerals.everywhere(figure)
    assert isinstance(one.yaxis.get_major_formatter(), numerals.Plain)
    assert not isinstance(other.yaxis.get_major_formatter(), numerals.Plain)


def test_the_median_and_quartiles_are_those_of_the_window():
    values = np.random.default_rng(1).normal(size=(2, 300))
    places, (low, middle, high) = smoothing.running(values)
    wide = smoothing.window(300)
    assert wide == 15 and smoothing.told([300]) == "running median of 15 steps" and set(np.diff(places)) == {3}
    around = values[:, places[10] - 7 : places[10] + 8]
    assert (low[10], middle[10], high[10]) == pytest.approx(tuple(np.quantile(around, (0.25, 0.5, 0.75))), rel=1e-14)
    assert middle[0] == np.median(values[:, :8])


def test_a_short_run_is_drawn_step_by_step_and_what_is_not_finite_stays_so():
    values = np.array([[1.0, 2, np.inf, 4]])
    places, (_, middle, _) = smoothing.running(values)
    assert places.tolist() == [0, 1, 2, 3] and smoothing.told([4]) == "every step"
    np.testing.assert_array_equal(middle, [1, 2, np.nan, 4])
    long = np.ones((1, 100))
    long[0, 50:] = np.nan
    assert np.isfinite(smoothing.running(long)[1][1]).tolist() == 50 * [True] + 50 * [False]


def test_curves_that_coincide_have_their_markers_beside_one_another():
    axes = Figure().subplots()
    for number in range(3):
        style.curve(axes, np.arange(60), np.ones(60), str(number), ("black", "o"), number, 3)
    first, every = zip(*(line.get_markevery() for line in axes.lines), strict=True)
    assert len(set(first)) == 3 and max(first) < every[0]
    at = [style.beside([0, 100], number, 3) for number in range(3)]
    assert len({x[0] for x in at}) == 3 and at[1].tolist() == [0, 100]


def test_colours_of_loads_are_symmetric_about_an_even_share_and_as_wide_as_the_data():
    for load in ([[0.9, 1.02]], [[0.0, 5.0]], [[np.nan, 1.0]]):
        image = style.load_map(style.new_figure(style.COLUMN, 2).subplots(), np.array(load))
        assert image.norm(1) == pytest.approx(0.5) and image.norm.vmax - 1 == pytest.approx(
            max(0.02, np.nanmax(np.abs(np.array(load) - 1)))
        )


def test_names_under_a_figure_are_told_by_what_differs_from_the_first():
    same = "hidden_size 4096, num_layers 32, num_experts 128, sequences 2048"
    names = [f"{same}, top_k {k}" for k in (2, 4)] + ["W" * 40]
    lettering.number_from(names)
    assert lettering.key(Table("", name=("", names))) == [f"[1] {names[0]}", "[2] as [1] but top_k 4", f"[3] {'W' * 40}"]

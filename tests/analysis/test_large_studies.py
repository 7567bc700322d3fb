"""Every figure of a launch on many ranks and of many arms fits its paper as well."""

import pytest

import figures
import large
import lettering
import style
from layout import faults
from run_file import NotDrawn, Run
from synthetic_run import study_of


@pytest.fixture(scope="module")
def subjects(tmp_path_factory):
    """kind of figure -> studies or launches"""
    folder = tmp_path_factory.mktemp("large")
    free, phased = (large.launch(folder / f"{timing}.h5", timing=timing) for timing in ("free", "phased"))
    arms = [large.many_arms(folder / timing, timing=timing) for timing in ("free", "phased")]
    return {
        "launch": [Run(phased)],
        "explanation": [Run(free), Run(phased)],
        "study": [study_of([free]), study_of([phased]), *arms],
        "comparison": arms,
    }


@pytest.mark.parametrize("name", figures.names())
def test_every_figure_of_a_large_study_fits_its_canvas(subjects, name):
    for paper in ("ieee", "neurips"):
        style.apply(paper)
        for subject in subjects[figures.load(name).OF]:
            style.name_arms([arm.label for arm in subject.arms] if hasattr(subject, "arms") else [])
            try:
                table = figures.load(name).table(subject)
            except NotDrawn:
                continue
            figure = figures.draw(name, table)
            style.caption(figure, table.title, subject.marks(), lettering.key(table))
            assert list(faults(figure)) == [], paper


def test_twelve_arms_that_differ_in_nine_keys_are_told_in_few_lines(subjects):
    table = figures.load("mfu").table(subjects["study"][2])
    style.name_arms(table.distinct("configuration"))
    first, *others = lettering.key(table)
    assert len(others) == 11 and first.count(",") == 8
    assert sum("as [1] but " in name for name in others) >= 6
    assert max(map(len, others)) <= len(first) + 4

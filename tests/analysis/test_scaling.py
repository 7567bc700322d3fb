"""Which arms are one series of a scaling figure."""

import scaling
from synthetic_run import study_of, write_run


def test_layouts_on_as_many_ranks_are_told_apart_by_whatever_axis_differs(tmp_path):
    for ranks in (2, 4):
        for axis in (1, 2):
            config = {"layout.ranks": ranks, "layout.dp": ranks // axis, "layout.pp": axis, "batch.sequences": 8}
            write_run(tmp_path / f"{ranks}.{axis}.h5", config=config, timing="free")
    table = scaling.table(study_of(tmp_path.glob("*.h5")), lambda arm: "equal work", "step_seconds", lambda value, *_: value)
    assert sorted(table.distinct("series")) == ["pp 1, equal work", "pp 2, equal work"]
    assert [table.where(series=series)["ranks"].tolist() for series in table.distinct("series")] == [[2, 4]] * 2

import pytest

from experiment import Experiment


@pytest.fixture
def experiment(tmp_path):
    """experiment(sweep, ...): a folder of its own."""
    return lambda sweep, **changes: Experiment(tmp_path, sweep, **changes)


@pytest.fixture
def sweep(experiment):
    """The same with a data folder for each way in which the fake program's launches end."""

    def made(text, **changes):
        one = experiment(text, **changes)
        for kind in ("ok", "fail", "fail_once", "wrong", "slow"):
            (one.folder / kind).mkdir()
        return one

    return made

import pytest

import slurm_cluster
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
        for kind in ("ok", "fail", "fail_once", "wrong", "slow", "slow_once", "deaf"):
            (one.folder / kind).mkdir()
        return one

    return made


@pytest.fixture(scope="session")
def slurm_configuration(tmp_path_factory):
    if reason := slurm_cluster.missing():
        pytest.skip(reason)
    cluster = slurm_cluster.Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster.configuration
    except RuntimeError as error:
        pytest.skip(f"no SLURM here: {error}")
    finally:
        cluster.stop()


@pytest.fixture
def slurm(slurm_configuration, monkeypatch):
    """A real SLURM of one node, for this test's sbatch and squeue."""
    monkeypatch.setenv("SLURM_CONF", str(slurm_configuration))

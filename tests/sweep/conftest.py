import pytest

from experiment import Experiment


@pytest.fixture
def experiment(tmp_path):
    """experiment(sweep, ...): a folder of its own."""
    return lambda sweep, **changes: Experiment(tmp_path, sweep, **changes)

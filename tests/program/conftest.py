import os
import random
import signal

import pytest

from program import EXECUTABLE, execute, running

WORDS = {"code": ["int", "for", "{", "}", "return", "x = 1;\n"], "prose": ["the", "cat", "sat", "on", "Mat", ".\n"]}


def pytest_collection_modifyitems(items):
    if EXECUTABLE.exists():
        return
    reason = f"{EXECUTABLE} is not built; run cluster/setup/build.sh or set MOESCOPE"
    for item in items:
        if "/program/" in str(item.path):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def nothing_is_left_running():
    yield
    while running:
        process = running.pop()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def packed(tmp_path_factory):
    """Two domains of 24 documents, packed."""
    folder = tmp_path_factory.mktemp("text")
    draw = random.Random(3)
    for domain, words in WORDS.items():
        (folder / domain).mkdir()
        for i in range(24):
            (folder / domain / f"{i}.txt").write_text(" ".join(draw.choice(words) for _ in range(120)))
    packed = execute(
        "data", "pack", "--out", "packed", "--held-out", "0.25", "--domain", "code=code", "--domain", "prose=prose", cwd=folder
    )
    assert packed.code == 0, packed.err
    return folder / "packed"


@pytest.fixture(params=[1, 2], ids=["1 rank", "2 ranks"])
def ranks(request):
    return request.param

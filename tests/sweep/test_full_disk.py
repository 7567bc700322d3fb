"""A disk that fills up during a sweep: one clear sentence, finished cells intact, and `resume` goes on once there is room."""

import subprocess

import pytest

EIGHT = '[sweep.matrix]\ndata.path = ["ok"]\ntrain.seed = [1, 2, 3, 4, 5, 6, 7, 8]'


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_loses_no_finished_cell_and_resume_goes_on(sweep, small_disk):
    one = sweep(EIGHT)
    one.results = small_disk / "results"
    outcome = one.call("submit")
    done = outcome.out.count("complete after")
    assert 0 < done < 8 and len(outcome.err.splitlines()) <= 1, outcome
    told = one.call("status").out
    assert f"8 cells: {done} complete" in told and ("failed" in told or "interrupted" in told), told
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    assert one.call("resume").code == 0
    assert "8 cells: 8 complete" in one.call("status").out
    assert len(list(one.results.glob("cells/*/attempt_*/run.h5"))) == 8


@pytest.mark.parametrize("command", ["plan", "status"])
def test_words_that_cannot_be_written_are_an_error(command, sweep):
    one = sweep(EIGHT)
    one.call("submit", "--dry-run")
    with open("/dev/full", "w") as full:
        done = subprocess.run(one.words(command), stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "No space left on device" in done.stderr, done


def test_a_disk_too_full_for_the_manifest_is_told_in_a_sentence(sweep, small_disk):
    (small_disk / "filler").write_bytes(b"x" * 250_000)
    one = sweep(EIGHT)
    one.results = small_disk / "results"
    outcome = one.call("submit")
    assert outcome.code == 1 and "No space left on device" in outcome.err and len(outcome.err.splitlines()) == 1, outcome


def test_a_place_where_no_folder_can_be_is_told_in_a_sentence(sweep):
    one = sweep(EIGHT)
    one.results = one.experiment / "base.toml" / "results"
    outcome = one.call("submit")
    assert outcome.code == 1 and "Not a directory" in outcome.err and len(outcome.err.splitlines()) == 1, outcome

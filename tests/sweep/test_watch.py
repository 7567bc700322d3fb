"""status --watch: in place on a terminal, elsewhere a block where something changed, until nothing is to come."""

import os
import pty
import signal
import subprocess
import time
from types import SimpleNamespace

import pytest

from experiment import wait_for
from sweep import progress, watch
from sweep.cell_files import State
from sweep.estimate import Correction

PAIR = '[sweep.matrix]\ndata.path = ["ok", "fail"]\n'


def launch_scripts(one):
    return sorted(one.results.glob("cells/*/launch.sh"))


def blocks(text):
    return text.count(" cells: ")


def test_it_ends_at_once_where_nothing_is_to_come(sweep, monkeypatch):
    one = sweep(PAIR)
    one.call("submit")
    monkeypatch.setattr(watch, "sleep", lambda _: pytest.fail("waits for nothing"))
    outcome = one.call("status", "--watch")
    assert outcome.code == 0 and outcome.out == one.call("status").out and blocks(outcome.out) == 1


def test_without_a_terminal_a_block_is_printed_where_a_cell_came_further(sweep, monkeypatch):
    one = sweep(PAIR)
    one.call("submit", "--dry-run")
    first, second = launch_scripts(one)
    to_do, slept = [None, first, None, None, second], []

    def sleep(seconds):
        slept.append(seconds)
        if script := to_do[len(slept) - 1]:
            subprocess.run(["bash", script], check=False, capture_output=True)

    monkeypatch.setattr(watch, "sleep", sleep)
    outcome = one.call("status", "--watch")
    assert outcome.code == 0 and slept == [5.0] * 5, outcome
    heads = [line.split(" cells: ")[1] for line in outcome.out.splitlines() if " cells: " in line]
    assert heads == ["2 waiting", "1 waiting, 1 failed", "1 complete, 1 failed"] and "\033" not in outcome.out


def running(one):
    driver = one.start("submit")
    wait_for(lambda: list(one.results.glob("cells/*/attempt_1/run.h5.partial")))
    return driver


def test_a_running_cell_tells_its_step_and_the_time_that_is_left(sweep, monkeypatch):
    one = sweep('[sweep.matrix]\ndata.path = ["slow"]')
    driver = running(one)
    try:

        def stop(_):
            raise KeyboardInterrupt

        monkeypatch.setattr(watch, "sleep", stop)
        outcome = one.call("status", "--watch", "0.5")
    finally:
        os.kill(driver.pid, signal.SIGTERM)
        driver.communicate(timeout=120)
    (line,) = [line for line in outcome.out.splitlines() if "running: " in line]
    assert "(step 2 of 4, since " in line and " left, attempt 1)" in line and "about ?" not in line, line
    assert outcome.code == 130 and not outcome.err


@pytest.mark.parametrize(
    "state, expected, left",
    [
        (State("running", first_step=2, steps_done=6, steps=10, seconds=8.0), 100.0, 8.0),
        (State("running", first_step=2, steps_done=2, steps=10, seconds=8.0), 100.0, 40.0),
        (State("running", first_step=2, steps_done=6, steps=10, seconds=8.0), None, 8.0),
        (State("running", seconds=8.0), None, None),
        (State("stopped", first_step=0, steps_done=6, steps=10, seconds=8.0, checkpoint=5), 100.0, 25.0),
        (State("waiting"), 100.0, 50.0),
        (State("complete", steps_done=10, steps=10, seconds=8.0), 100.0, 0),
    ],
)
def test_what_is_left_goes_by_a_cells_own_pace_else_by_the_corrected_rate(state, expected, left):
    assert progress.left_of(SimpleNamespace(expected_seconds=expected), state, Correction(factor=0.5)) == left


def on_a_terminal(one, columns=80):
    """The driver with a terminal as its output, and what reads it."""
    reader, writer = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "LINES": "24"}
    process = subprocess.Popen(
        one.words("status", "--watch", "0.1"), cwd=one.folder, stdout=writer, stderr=subprocess.PIPE, env=environment
    )
    os.close(writer)
    return process, reader


def read_until(reader, condition, seconds=40):
    text, end = "", time.monotonic() + seconds
    while not condition(text) and time.monotonic() < end:
        try:
            text += os.read(reader, 65536).decode()
        except OSError:  # its other end is closed
            break
    return text


def test_on_a_terminal_it_is_drawn_in_place_until_the_end(sweep):
    one = sweep(PAIR)
    one.call("submit", "--dry-run")
    process, reader = on_a_terminal(one)
    text = read_until(reader, lambda text: blocks(text) > 2)
    assert "\033[2F\033[J" in text, repr(text)  # the line of the cells and that of the time left
    for script in launch_scripts(one):
        subprocess.run(["bash", script], check=False, capture_output=True)
    rest = read_until(reader, lambda text: False)
    assert process.wait(40) == 0 and not process.stderr.read()
    os.close(reader)
    assert "1 complete, 1 failed" in rest and "this launch was told to fail" in rest.split("\033[J")[-1]


def test_ctrl_c_ends_it_without_a_word_and_touches_no_cell(sweep):
    one = sweep(PAIR)
    one.call("submit", "--dry-run")
    process, reader = on_a_terminal(one, columns=40)
    text = read_until(reader, lambda text: blocks(text) > 1)
    process.send_signal(signal.SIGINT)
    assert process.wait(40) == 130 and not process.stderr.read() and not one.attempts()
    os.close(reader)
    assert all(len(line) <= 40 for block in text.split("\033[J") for line in block.split("\033")[0].splitlines())


@pytest.mark.parametrize("word", ["0", "-1", "nan", "inf", "often"])
def test_seconds_are_a_number_above_zero(word, sweep, capsys):
    with pytest.raises(SystemExit) as end:
        sweep(PAIR).call("status", f"--watch={word}")
    assert end.value.code == 2

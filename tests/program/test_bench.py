"""`moescope bench`: the tables, every byte and element of them, and what it refuses."""

import json
import os

import pytest

from program import EXECUTABLE, SMOKE, command, execute, finish, rank_by_rank, start
from test_mistakes import overrides, refused

FAULTY_MPI = EXECUTABLE.parents[2] / "tests/libmoescope_faulty_mpi.so"
COLLECTIVES = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "all_to_all_skewed")
SHORT = ("--factor", "9", "--warm-up", "1", "--iterations", "3")
SIZES = ("--min-bytes", "1000", "--max-bytes", "9000")
COLUMNS = "# size count type redop time algbw busbw #wrong iters"
OWN_CORES = "export OMP_NUM_THREADS=1"
enough_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two ranks would share a core")


def bench(folder, *arguments, settings="layout.ep=2", sizes=SIZES, ranks=2, before=OWN_CORES):
    return execute("bench", *overrides(settings), *SHORT, *sizes, *arguments, ranks=ranks, before=before, cwd=folder)


def results(outcome):
    assert outcome.code == 0, outcome
    return json.loads(outcome.out)


def rows(outcome):
    return [line.split() for line in outcome.out.splitlines() if not line.startswith("#")]


def columns_above_each_table(outcome):
    return [line for line in outcome.out.splitlines() if line.split()[:2] == ["#", "size"]]


def test_one_table_for_each_collective_with_the_columns_of_nccl_tests(tmp_path):
    outcome = bench(tmp_path)
    assert outcome.code == 0 and not outcome.errors, outcome
    titles = [line for line in outcome.out.splitlines() if " over " in line]
    assert [title.split()[1] for title in titles] == list(COLLECTIVES)
    assert all("over world = stage = dp = ep = expert_block: 1 group of 2 ranks" in title for title in titles)
    found = columns_above_each_table(outcome)
    assert len(found) == len(COLLECTIVES) and all(" ".join(line.split()) == COLUMNS for line in found)
    assert len(rows(outcome)) == 2 * len(COLLECTIVES)
    assert all(len(row) == 9 and row[7:] == ["0", "3"] for row in rows(outcome))
    assert outcome.out.splitlines()[-1] == "# Out of bounds values : 0 OK"


def payload_of_a_group(row, element):
    """What its members put into one exchange: the whole message each, but for what an all_to_all leaves with them."""
    kept = sum(row["parts"]) * element if row["collective"].startswith("all_to_all") else 0
    return row["ranks"] * row["size_bytes"] - kept


@pytest.mark.parametrize("ranks, settings", [(2, "layout.tp=2"), (3, "layout.ep=3"), (4, "layout.tp=2 layout.ep=2")])
def test_sizes_are_rounded_and_bytes_are_those_that_the_ledger_counted(ranks, settings, tmp_path):
    found = results(bench(tmp_path, "--json", "--type", "float32", "--type", "float64", settings=settings, ranks=ranks))
    assert found["layout"]["ranks"] == ranks and found["iterations"] == 3 and found["warm_up"] == 1
    assert {row["collective"] for row in found["results"]} == set(COLLECTIVES)
    for row in found["results"]:
        n, element = row["ranks"], {"float32": 4, "float64": 8}[row["type"]]
        asked = 1000 if row["size_bytes"] <= 1000 else 9000
        unit = element if row["collective"] == "all_reduce" else element * n
        assert row["size_bytes"] == asked // unit * unit and row["groups"] * n == ranks
        assert row["count"] * (1 if row["collective"] == "all_reduce" else n) * element == row["size_bytes"]
        assert sum(row["parts"]) * element == row["size_bytes"]
        skewed = row["collective"] == "all_to_all_skewed"
        assert row["parts"][0] == (int(1.5 * row["count"] + 0.5) if skewed else -(-row["size_bytes"] // element // n))
        assert max(row["parts"][1:]) - min(row["parts"][1:]) <= 1
        assert row["payload_bytes"] == row["groups"] * payload_of_a_group(row, element)
        assert row["wrong"] == 0


def test_each_group_of_ranks_is_run_once_or_as_asked(tmp_path):
    settings = "layout.tp=2 layout.ep=2"
    found = results(bench(tmp_path, "--json", "--collective", "all_reduce", settings=settings, ranks=4))
    assert [row["axes"] for row in found["results"][::2]] == [["world", "stage", "expert_block"], ["tp", "etp"], ["dp", "ep"]]
    assert [row["groups"] for row in found["results"][::2]] == [1, 2, 2]
    found = results(bench(tmp_path, "--json", "--axis", "ep", "--axis", "tp", settings=settings, ranks=4))
    assert [row["axes"] for row in found["results"][::10]] == [["tp"], ["ep"]]


@enough_cores
def test_the_numbers_follow_from_the_raw_times(tmp_path):
    found = results(bench(tmp_path, "--json", "--skew", "2"))
    factors = dict(zip(COLLECTIVES, (1, 0.5, 0.5, 0.5, 1), strict=True))
    assert not found["oversubscribed"] and found["skew"] == 2
    assert {"commit", "host", "mpi", "binding", "threads_per_rank"} <= found["provenance"].keys()
    for row in found["results"]:
        assert len(row["seconds"]) == 3 and min(row["seconds"]) > 0
        assert row["median_seconds"] == sorted(row["seconds"])[1]
        assert row["algbw"] == pytest.approx(row["size_bytes"] / row["median_seconds"])
        assert row["busbw"] == pytest.approx(row["algbw"] * factors[row["collective"]])


def test_where_threads_share_cores_there_is_no_time(tmp_path):
    crowded = f"export OMP_NUM_THREADS=1; taskset -cp {min(os.sched_getaffinity(0))} $$ >/dev/null"
    outcome = bench(tmp_path, before=crowded)
    assert outcome.code == 0 and outcome.err.count("threads share cores on") == 1, outcome
    assert outcome.out.count("# time: n/a") == 1
    assert all(row[4:] == ["n/a", "n/a", "n/a", "0", "3"] for row in rows(outcome))
    found = results(bench(tmp_path, "--json", before=crowded))
    assert found["oversubscribed"]
    for row in found["results"]:
        assert all(row[key] is None for key in ("seconds", "median_seconds", "algbw", "busbw"))
        assert row["payload_bytes"] > 0


@pytest.mark.skipif(not FAULTY_MPI.exists(), reason=f"{FAULTY_MPI} is not built")
@pytest.mark.parametrize("collective", COLLECTIVES)
@pytest.mark.parametrize("first_call", [0, 4], ids=["from the start", "in the last exchange alone"])
@pytest.mark.parametrize("number", [("float32", 4), ("float64", 8)], ids=lambda number: number[0])
def test_one_damaged_number_is_counted_and_ends_with_an_error(number, first_call, collective, tmp_path):
    fault = f"{collective.removesuffix('_skewed')} {number[1]} 1 {first_call}"
    before = f"{OWN_CORES} LD_PRELOAD='{FAULTY_MPI}' FAULTY_MPI='{fault}'"
    outcome = bench(
        tmp_path, "--collective", collective, "--type", number[0], sizes=("--min-bytes", "1K", "--max-bytes", "1K"), before=before
    )
    assert outcome.code == 1 and len(outcome.errors) == 1, outcome
    assert f"{collective} over world" in outcome.errors[0] and "did not arrive as they were sent" in outcome.errors[0]
    assert [int(row[7]) > 0 for row in rows(outcome)] == [True]
    assert outcome.out.splitlines()[-1].endswith("FAILED")


def test_the_layout_may_come_from_a_file_with_a_model_or_with_nothing_else(tmp_path):
    (tmp_path / "layout.toml").write_text('[layout]\nep = 2\n[train]\ndtype = "float64"\n')
    found = results(execute("bench", "layout.toml", *SHORT, *SIZES, "--json", ranks=2, before=OWN_CORES, cwd=tmp_path))
    assert found["layout"]["ep"] == 2 and {row["type"] for row in found["results"]} == {"float64"}
    found = results(
        execute("bench", SMOKE, *overrides("layout.tp=2"), *SHORT, *SIZES, "--json", ranks=2, before=OWN_CORES, cwd=tmp_path)
    )
    assert found["layout"]["tp"] == 2


MISTAKES = {
    "a layout of other ranks": (("--set", "layout.ep=3"), "layout.ep = 3", "does not divide layout.ranks = 2"),
    "an axis of one rank": (("--axis", "tp"), "--axis tp", "1 rank"),
    "no sizes": (("--min-bytes", "64M"), "--max-bytes 16777216 is below --min-bytes 67108864"),
    "less than an element": (("--min-bytes", "7"), "--min-bytes 7", "at least 8"),
    "a skew beyond the group": (("--skew", "2.5"), "--skew 2.5", "2 ranks"),
    "a key that decides nothing": (("--set", "gate.kind=switch"), "--set gate.kind=switch", "decides nothing", "[layout]"),
    "an unknown key": (("--set", "layout.eq=2"), "layout.eq", "did you mean layout.ep"),
    "a wrong value": (("--set", "layout.ep=two"), "layout.ep", "must be an integer"),
    "no file": (("nowhere.toml",), "nowhere.toml", "no such configuration file"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_by_all_ranks_with_one_sentence(mistake, tmp_path):
    arguments, *parts = MISTAKES[mistake]
    outcome = execute("bench", *SHORT, *arguments, ranks=2, cwd=tmp_path)
    refused(outcome, *parts)
    assert outcome.out == ""


def test_one_rank_has_nothing_to_exchange(tmp_path):
    refused(execute("bench", cwd=tmp_path), "several ranks", "mpirun -n 2 moescope bench")


def test_ranks_with_different_iterations_are_refused(tmp_path):
    one, two = (command("bench", *SHORT[:-1], iterations) for iterations in ("3", "4"))
    refused(finish(start(rank_by_rank(one, two), tmp_path)), "the configuration or the arguments of rank 1 differs")


@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["tables", "JSON"])
def test_what_could_not_be_printed_is_an_error(arguments, tmp_path):
    outcome = bench(tmp_path, *arguments, before="exec >/dev/full")
    assert outcome.code == 1 and len(outcome.errors) == 1 and "could not be written" in outcome.errors[0], outcome

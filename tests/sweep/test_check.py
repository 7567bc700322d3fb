"""check: measures of finished launches beside reference values, with ReFrame's meaning of them; nothing passes in silence."""

import json
import math

import numpy as np
import pytest

from experiment import BASE
from sweep import Mistake, references
from text_sweep import BASE as REAL_BASE
from text_sweep import LOCAL, PROGRAM, pack_text

GRID = '[sweep.matrix]\nlayout.ep = [1, 2]\n[set]\ndata.path = "ok"\n'
SEEDED = BASE.replace("[train]\n", "[train]\nseed = 5\n")


def reference(**changes):
    table = {"site": '"here"', "where": '{"layout.ep" = 1}', "measure": '"step_seconds"', "value": "0.1"}
    table |= {"lower": "-0.05", "upper": "0.05"} | changes
    return "[[reference]]\n" + "".join(f"{key} = {value}\n" for key, value in table.items() if value is not None)


@pytest.fixture
def finished(sweep):
    def made(text=GRID, **changes):
        one = sweep(text, **changes)
        assert one.call("submit").code == 0
        return one

    return made


def checked(one, *texts, words=()):
    path = one.folder / "reference.toml"
    path.write_text("".join(texts))
    return one.call("check", "--reference", path, *words)


def results(outcome):
    """The last column of each row but the header."""
    return [line.split("  ")[-1].strip() for line in outcome.out.splitlines()[1:-1]]


def read(tmp_path, text):
    path = tmp_path / "reference.toml"
    path.write_text(text)
    return references.read(path)


@pytest.mark.parametrize(
    "value, lower, upper, low, high",
    [
        (100, -0.05, 0.1, 95, 100 * 1.1),
        (-100, -0.05, 0.1, -105, -90),
        (0, -0.5, 0.25, -0.5, 0.25),
        (0, 0, 0, 0, 0),
        (8, 0, 0, 8, 8),
        (8, None, 0.5, -math.inf, 12),
        (8, -1, None, 0, math.inf),
        (-8, -3, 1, -32, 0),
        (8, None, None, -math.inf, math.inf),
    ],
)
def test_the_allowed_range_is_that_of_reframe(value, lower, upper, low, high, tmp_path):
    told = {"lower": None if lower is None else str(lower), "upper": None if upper is None else str(upper)}
    (one,) = read(tmp_path, reference(value=str(value), **told))
    assert one.bounds() == (low, high)
    assert one.verdict(low) == one.verdict(high) == one.verdict(value) == "ok"
    assert one.verdict(math.nextafter(low, -math.inf)) == ("LOW" if math.isfinite(low) else "ok")
    assert one.verdict(math.nextafter(high, math.inf)) == ("HIGH" if math.isfinite(high) else "ok")
    assert one.verdict(math.nan) is None


@pytest.mark.parametrize(
    "seconds, result, code",
    [
        ("0.1", "ok", 0),
        ("0.096", "ok", 0),
        ("0.09", "LOW", 1),
        ("0.12", "HIGH", 1),
        ("inf", "missing: no number was measured", 1),
        ("nan", "missing: no number was measured", 1),
    ],
)
def test_a_value_is_compared_with_its_range(seconds, result, code, finished):
    one = finished(GRID + f"fake.seconds = {seconds}\n")
    outcome = checked(one, reference())
    assert results(outcome) == [result] and outcome.code == code, outcome
    assert "0.095 to 0.105" in outcome.out and f"1 references for here: 1 {result.split(':')[0]}" in outcome.out


def test_negative_values_are_compared_too(finished):
    one = finished(GRID + "fake.seconds = -2.0\n")
    assert results(checked(one, reference(value="-2.05"), reference(value="-1.8", where='{"layout.ep" = 2}'))) == ["ok", "LOW"]


def test_one_that_does_not_hold_makes_the_command_fail_and_all_are_told(finished):
    one = finished()
    outcome = checked(
        one,
        reference(),
        reference(measure='"payload_bytes"', value="20", lower="0", upper="0", unit='"B"'),
        reference(measure='"held_out_loss"', value="1", unit='"nat"'),
        reference(where='{"layout.ep" = 4}'),
        reference(measure='"tgs"'),
        reference(site='"juwels"'),
    )
    told = results(outcome)
    assert outcome.code == 1 and told[:4] == ["ok", "ok", "HIGH", "missing: no launch has these values"], outcome
    assert told[4].startswith("missing: ") and "tgs" in told[4]
    assert "5 references for here: 2 ok, 1 HIGH, 2 missing; 1 of other sites" in outcome.out


def test_the_samples_are_launches_or_seeds(finished):
    one = finished("seeds = 2\nrepeats = 2\n" + GRID, base=SEEDED)
    lines = checked(one, reference(), reference(measure='"payload_bytes"', value="20")).out.splitlines()
    assert "4 launches" in lines[1] and "2 seeds" in lines[2]


def test_a_ratio_of_two_configurations_is_compared(finished):
    one = finished('[sweep.zip]\nlayout.ep = [1, 2]\nfake.seconds = [0.1, 0.4]\n[set]\ndata.path = "ok"\n')
    text = reference(where='{"layout.ep" = 2}', over='{"layout.ep" = 1}', value="4", unit='""')
    outcome = checked(one, text)
    assert outcome.code == 0 and "ep=2 / ep=1" in outcome.out and results(outcome) == ["ok"], outcome
    assert results(checked(one, text.replace("value = 4", "value = 0.25"))) == ["HIGH"]


def test_a_site_is_its_own_before_that_of_any(finished):
    one = finished()
    any_site = reference(site='"*"', value="7")
    assert checked(one, reference(), any_site).code == 0 and checked(one, any_site).code == 1
    assert results(checked(one, reference(site='"far"'), any_site, words=["--site", "far"])) == ["ok"]
    assert results(checked(one, reference(site=None))) == ["ok"]


def test_where_nothing_is_compared_the_command_fails(finished):
    one = finished()
    for texts, sentence in (([reference(site='"far"')], "it has those of: far"), ([], "it has those of: none")):
        outcome = checked(one, *texts)
        assert outcome.code == 1 and f"no reference for the site here, so nothing is compared; {sentence}" in outcome.err


def test_no_time_of_an_oversubscribed_run_is_compared(finished):
    one = finished(GRID + "fake.oversubscribed = 1\n")
    outcome = checked(one, reference(), reference(measure='"payload_bytes"', value="20"))
    assert outcome.code == 1, outcome
    assert results(outcome) == ["refused: more threads than cores, so no step_seconds is compared", "ok"]


def test_launches_that_explain_are_not_compared(finished):
    one = finished(GRID, explain=True)
    outcome = checked(one, reference())
    assert outcome.code == 0 and "1 launch " in outcome.out, outcome


def test_an_unfinished_sweep_is_not_compared(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok", "fail"]\n')
    one.call("submit")
    outcome = checked(one, reference(where='{"data.path" = "ok"}'))
    assert outcome.code == 1 and "1 of 2 cells are not complete; `status` says why" in outcome.err, outcome


def test_what_differs_by_less_than_is_shown_is_shown_in_full(finished):
    outcome = checked(finished(), reference(value="0.10000000000000002", lower="0", upper="0"))
    assert results(outcome) == ["LOW"] and "  0.10000000000000001  0.10000000000000002  " in outcome.out, outcome


def test_the_comparison_is_told_as_json_too(finished):
    one = finished(GRID + "fake.seconds = nan\n")
    outcome = checked(one, reference(upper=None), reference(measure='"payload_bytes"', value="20"), words=["--json"])
    missing, held = json.loads(outcome.out)
    assert outcome.code == 1 and (missing["result"], missing["value"], missing["upper"]) == ("missing", None, None)
    assert (held["measure"], held["value"], held["reference"], held["lower"]) == ("payload_bytes", 20, 20, -0.05)
    assert (held["where"], held["unit"], held["result"], held["samples"]) == ({"layout.ep": 1}, "B", "ok", "1 seed")


def test_a_run_file_that_is_not_there_is_told(finished):
    one = finished()
    one.experiment = "nowhere.h5"
    outcome = checked(one, reference())
    assert outcome.code == 1 and outcome.err == "moescope-sweep: nowhere.h5: no such file.\n", outcome


def test_a_run_file_alone_is_compared(finished):
    one = finished('[set]\ndata.path = "ok"')
    (one.experiment,) = one.results.glob("cells/*/attempt_1/run.h5")
    assert checked(one, reference(where="{}")).code == 0
    assert checked(one, reference(where='{"train.steps" = 4}')).code == 0
    assert results(checked(one, reference(where='{"train.steps" = 5}'))) == ["missing: no launch has these values"]


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"measure": '"payload_byte"'}, "number 1: unknown measure payload_byte; there are balance_loss, "),
        ({"measure": '"payload_byte"'}, "did you mean payload_bytes?"),
        (
            {"uper": "1"},
            "number 1: unknown key uper; there are site, where, over, measure, value, lower, upper, unit; did you mean",
        ),
        ({"value": None}, "number 1: value is missing"),
        ({"value": '"1"'}, "value = '1' must be of type float"),
        ({"value": "nan"}, "value = nan must be a finite number"),
        ({"lower": "0.05"}, "lower = 0.05 must be at most 0 and at least -1"),
        ({"lower": "-1.5"}, "lower = -1.5 must be at most 0 and at least -1"),
        ({"lower": "nan"}, "lower = nan must be at most 0"),
        ({"upper": "-0.05"}, "upper = -0.05 must be at least 0"),
        ({"value": "-1.0", "upper": "2"}, "upper = 2 must be at least 0 and at most 1"),
        ({"unit": '"ms"'}, 'unit = "ms" is another unit: that of step_seconds is "s"'),
        ({"over": "{}", "unit": '"s"'}, 'unit = "s" is another unit: a ratio of step_seconds has none'),
        ({"where": "[1]"}, "where = [1] must be of type table"),
    ],
)
def test_a_mistake_in_the_file_is_told_in_a_sentence(changes, sentence, tmp_path):
    with pytest.raises(Mistake) as mistake:
        read(tmp_path, reference(**changes))
    assert sentence in str(mistake.value) and "\n" not in str(mistake.value)


def test_two_references_for_the_same_are_refused(tmp_path):
    with pytest.raises(Mistake, match="number 2: is about the same as number 1; one of them holds"):
        read(tmp_path, reference() + reference(value="7"))
    assert len(read(tmp_path, reference() + reference(site='"far"'))) == 2


def test_values_that_fit_several_configurations_or_a_key_of_none_are_refused(finished):
    one = finished()
    several = checked(one, reference(where="{}"))
    assert several.code == 1 and "2 of 2 configurations have {}; it must be one; they differ in layout.ep" in several.err
    unknown = checked(one, reference(where='{"layout.epp" = 1}'))
    assert unknown.code == 1 and "no launch has a key layout.epp; did you mean layout.ep?" in unknown.err


def test_references_can_be_written_and_hold_for_what_they_were_written_of(finished):
    text = 'repeats = 2\n[sweep.matrix]\narm = ["a", "a_again"]\nlayout.ep = [1, 2]\n[set]\ndata.path = "ok"\n'
    one = finished(text)
    path = one.folder / "mine.toml"
    outcome = one.call("check", "--write", path)
    assert outcome.code == 0 and "24 reference values of 4 configurations" in outcome.out and "tgs" in outcome.out, outcome
    found = references.read(path)
    assert len({one.identity for one in found}) == len(found) == 24 and {one.site for one in found} == {"here"}
    assert {(one.measure.name, one.value, one.lower, one.upper) for one in found} == {
        ("bits_per_byte", 2 / math.log(2), 0, 0),
        ("held_out_loss", 2, 0, 0),
        ("memory_bytes", 7, -0.2, 0.2),
        ("payload_bytes", 20, 0, 0),
        ("perplexity", float(np.exp(2.0)), 0, 0),
        ("step_seconds", 0.1, -0.2, 0.2),
    }
    outcome = one.call("check", "--reference", path)
    assert outcome.code == 0, outcome
    again = one.call("check", "--write", path)
    assert again.code == 1 and "mine.toml exists; reference values are not overwritten" in again.err


@pytest.mark.parametrize("words", [[], ["--write", "x", "--reference", "y"], ["--write", "x", "--seed-tolerance", "2"]])
def test_words_that_do_not_go_together_are_refused(words, sweep):
    with pytest.raises(SystemExit) as end:
        sweep(GRID).call("check", *words)
    assert end.value.code == 2


@pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not built")
def test_with_the_real_program_what_the_seed_decides_holds_to_the_last_bit(experiment):
    text = '[sweep.matrix]\nlayout.ranks = [1, 2]\n[sweep.derive]\nlayout.ep = "layout.ranks"\n[set]\ntrain.timing = "free"\n'
    one = experiment(text, base=REAL_BASE, site=LOCAL, program=PROGRAM)
    pack_text(one.folder)
    assert one.call("submit").code == 0
    path = one.folder / "mine.toml"
    assert one.call("check", "--write", path, "--machine-tolerance", "1").code == 0
    assert one.call("resume", "--redo", "*").code == 0
    outcome = one.call("check", "--reference", path)
    by_seed = [line for line in outcome.out.splitlines() if "1 seed " in line]
    assert len(by_seed) == 2 * 23 and all(line.endswith("  ok") for line in by_seed), outcome

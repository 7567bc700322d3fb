import pytest

from experiment import ROOT  # noqa: F401  (puts cluster/ on the path)
from sweep import Mistake
from sweep.expression import evaluate

VALUES = {"layout.ep": 4, "layout.ranks": 8, "study": "weak"}


@pytest.mark.parametrize(
    "text, expected",
    [
        ("layout.ep * 2 == layout.ranks", True),
        ("1 < layout.ep < 4", False),
        ('study in ("weak", "strong") and not layout.ep > 4', True),
        ("min(layout.ranks, 3) + layout.ranks // 3", 5),
        ("1 if study == 'strong' else -2", -2),
        ("lcm(4, 6) % 5", 2),
    ],
)
def test_it_gives_the_value(text, expected):
    assert evaluate(text, VALUES.__getitem__) == expected


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__",
        "open('/etc/passwd')",
        "[x for x in (1, 2)]",
        "lambda: 1",
        "f'{study}'",
        "layout.ep(3)",
        "min(1, 2, key=3)",
        "1 +",
        "1 / 0",
        "layout.ep < study",
    ],
)
def test_anything_else_is_refused_in_a_sentence(text):
    with pytest.raises(Mistake, match="the expression"):
        evaluate(text, VALUES.__getitem__)

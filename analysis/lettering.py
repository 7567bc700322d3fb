"""Names as a figure can show them: in glyphs that its font has, broken to fit, and as a number where too long.

A study may be given any text as a label. The tables keep it as it is."""

import functools
import re

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

FONT = "DejaVu Sans"  # that of moescope.mplstyle
LONGEST = 2.1  # inches at 7 pt, for the longest name of an exchange; a longer name is a number in the figure, and stands under it
BREAKS = (r"(?<=, )|(?<= / )", r"(?<=[^=] )(?!=)", r"(?<=[_.=/-])", r"(?<=.)")  # the first that suffices
WORDS = BREAKS[1:]

_numbers = {}


def number_from(labels):
    """Forgets all numbers; the long ones of `labels` are numbered first, in their order, the same in every figure."""
    _numbers.clear()
    for label in labels:
        shown(label)


def shown(label):
    """What stands in a figure for a name: itself, or [number]."""
    text = drawable(label)
    if width(text) <= LONGEST:
        return text
    return f"[{_numbers.setdefault(label, len(_numbers) + 1)}]"


def key(table):
    """ "[number] name" for each name of this table that is shown as a number, by number."""
    long = {label for label in table.texts() if shown(label) != drawable(label)}
    ordered = sorted(long, key=_numbers.get)
    return [f"[{_numbers[label]}] {_beside(label, ordered[0])}" for label in ordered]


def _beside(label, first):
    """A name that has half or more of its parts in common with the first is told by the others."""
    parts, same = label.split(", "), first.split(", ")
    other = [part for part, its in zip(parts, same, strict=False) if part != its]
    if len(parts) != len(same) or " / " in label or not other or 2 * len(other) > len(parts):
        return label
    return f"as [{_numbers[first]}] but {', '.join(other)}"


def drawable(text):
    """Escapes what the font has no glyph for, what does not print, and a first `_`, which keeps a name out of legends."""
    glyphs = get_font(findfont(FontProperties(family=FONT)))
    text = "".join(c if c.isprintable() and glyphs.get_char_index(ord(c)) else _escaped(c) for c in text)
    return f"\u200b{text}" if text.startswith("_") else text


def _escaped(character):
    return character.encode("unicode_escape").decode("ascii")


@functools.lru_cache(maxsize=100_000)
def width(text, points=7):
    """In inches."""
    return text_to_path.get_text_width_height_descent(text, FontProperties(family=FONT, size=points), ismath=False)[0] / 72


def broken(text, inches, points, breaks=BREAKS):
    """Lines no wider than `inches`, broken at the first of `breaks`; a part that is wider alone is broken at the next."""
    return [line.rstrip() for line in _lines(text, inches, points, breaks)]


def _lines(text, inches, points, breaks):
    lines, line = [], ""
    for part in re.split(breaks[0], text):
        if line and width(line + part.rstrip(), points) > inches:
            lines.append(line)
            line = ""
        if width(part.rstrip(), points) > inches and breaks[1:]:
            *whole, line = _lines(part, inches, points, breaks[1:])
            lines += whole
        else:
            line += part
    return [*lines, line]

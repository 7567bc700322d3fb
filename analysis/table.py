"""The table behind a figure: the figure draws nothing else, and CSV and LaTeX are written from it."""

import csv
import math

import numpy as np

LONGEST_TABULAR = 40  # rows; longer tables become a longtable, which breaks over pages


class Table:
    """Columns of equal length, each with a unit ("" for names and pure numbers), and an optional title."""

    def __init__(self, title="", **columns):
        self.title = title
        self.units = {name: unit for name, (unit, _) in columns.items()}
        self._columns = {name: np.asarray(values) for name, (_, values) in columns.items()}
        lengths = {len(values) for values in self._columns.values()}
        if len(lengths) > 1:
            raise ValueError(f"columns of different lengths: {lengths}")

    def __getitem__(self, name):
        return self._columns[name]

    def __len__(self):
        return len(next(iter(self._columns.values())))

    @property
    def names(self):
        return list(self._columns)

    def where(self, **values):
        """The rows in which these columns have these values."""
        return self.at(np.all([self[name] == value for name, value in values.items()], axis=0))

    def at(self, rows):
        """The rows of these numbers, or where this mask is true."""
        return Table(self.title, **{name: (self.units[name], self[name][rows]) for name in self.names})

    def distinct(self, name):
        """The values of a column, each once, in order of first appearance."""
        return list(dict.fromkeys(self[name].tolist()))

    def _is_text(self, name):
        return self[name].dtype.kind == "U"

    def texts(self):
        """All that stands in columns of text, each once."""
        return {text for name in self.names if self._is_text(name) for text in self.distinct(name)}

    def with_texts(self, instead):
        """The same table with `instead(text)` in columns of text."""
        new = {text: instead(text) for text in self.texts()}
        columns = {name: [new[text] for text in self[name]] if self._is_text(name) else self[name] for name in self.names}
        return Table(self.title, **{name: (self.units[name], values) for name, values in columns.items()})

    def _rows(self):
        return zip(*(self[name].tolist() for name in self.names), strict=True)

    def write_csv(self, path):
        """Full precision, a header line, and the unit in brackets behind each name that has one."""
        with open(path, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(f"{name} [{unit}]" if unit else name for name, unit in self.units.items())
            writer.writerows(self._rows())

    def write_latex(self, path, marks=()):
        """A booktabs table with four significant digits; `marks` stand in a last line."""
        kind = "tabular" if len(self) <= LONGEST_TABULAR else "longtable"
        columns = "".join("l" if self._is_text(name) else "r" for name in self.names)
        head = " & ".join(
            escaped(f"{name.replace('_', ' ')} ({unit})" if unit else name.replace("_", " ")) for name, unit in self.units.items()
        )
        lines = ["% needs \\usepackage{booktabs}" + (" and \\usepackage{longtable}" if kind == "longtable" else "")]
        lines += [f"\\begin{{{kind}}}{{@{{}}{columns}@{{}}}}", "\\toprule", head + " \\\\", "\\midrule"]
        lines += ["\\endhead"] * (kind == "longtable")
        lines += [" & ".join(_cell(value) for value in row) + " \\\\" for row in self._rows()]
        lines += ["\\bottomrule"]
        lines += [f"\\multicolumn{{{len(columns)}}}{{@{{}}l@{{}}}}{{\\footnotesize {escaped('; '.join(marks))}}} \\\\"] * bool(
            marks
        )
        path.write_text("\n".join([*lines, f"\\end{{{kind}}}", ""]), encoding="utf-8")


def _cell(value):
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\\,")
    return "--" if math.isnan(value) else _number(value)


def _number(value):
    if math.isinf(value):
        return "$\\infty$" if value > 0 else "$-\\infty$"
    text = f"{value:.4g}"
    if "e" not in text:
        return text if value >= 0 else f"${text}$"
    digits, exponent = text.split("e")
    return f"${digits} \\times 10^{{{int(exponent)}}}$"


# A row that begins with [ or * would be read as an argument of the line end before it.
OF_LATEX = {"\\": "\\textbackslash{}", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}", "[": "{[}", "*": "{*}"}
OF_LATEX |= {"<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}"}
OF_LATEX |= {character: f"\\{character}" for character in "_%&#${}"}


def escaped(text):
    """Line ends and other characters that do not print are written as escapes; all else stays UTF-8."""
    printable = (c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return "".join(OF_LATEX.get(character, character) for part in printable for character in part)

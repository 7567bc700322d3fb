"""The headline table in LaTeX (booktabs): a tabular for each panel, intervals in a second, smaller line under the values."""

import headline_cells
from table import escaped


def write(path, table):
    lines = ["% needs \\usepackage{booktabs}; set in \\footnotesize it keeps within a text width of 7 inches"]
    for panel in table.distinct("panel"):
        lines += [*_tabular(table.where(panel=panel)), "", "\\medskip", ""]
    path.write_text("\n".join([*lines, f"\\noindent{{\\footnotesize {escaped(table.title)}.}}", ""]), encoding="utf-8")


def _tabular(panel):
    columns, arms = headline_cells.columns(panel), panel.distinct("configuration")
    lines = ["\\noindent", f"\\begin{{tabular}}{{@{{}}p{{1.3in}}{'r' * len(columns)}@{{}}}}", "\\toprule"]
    lines += [_row([f"\\shortstack[r]{{{_head(column)}}}" for column in columns], ""), "\\midrule"]
    for number, arm in enumerate(arms):
        cells = [column.cells[number] for column in columns]
        lines.append(_row([_bold(_plain(cell.value)) if cell.best else _plain(cell.value) for cell in cells], escaped(arm)))
        if any(cell.interval for cell in cells):
            lines.append(_row([f"{{\\scriptsize {_plain(cell.interval)}}}" for cell in cells], ""))
    return [*lines, "\\bottomrule", "\\end{tabular}"]


def _head(column):
    """At most two words a line, so that a column is no wider than its numbers."""
    words = column.head.split(" ")
    lines = [" ".join(words[start : start + 2]) for start in range(0, len(words), 2)]
    return " \\\\ ".join(map(escaped, lines))


def _row(cells, name):
    return " & ".join([name, *cells]) + " \\\\"


def _bold(text):
    return f"\\textbf{{{text}}}"


def _plain(text):
    if text == "-":
        return "--"
    return text.replace(",", "{,}").replace("{,} ", ", ").replace("∞", "$\\infty$").replace("[", "{[}")

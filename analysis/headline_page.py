"""The headline table in HTML: a table for each panel, intervals under the values."""

from html import escape

import headline_cells


def lines(table):
    return [
        *(_panel(table.where(panel=panel)) for panel in table.distinct("panel")),
        f"<p class=note>{escape(table.title)}. With every digit: headline.csv; for a paper: headline.tex.</p>",
    ]


def _panel(rows):
    columns = headline_cells.columns(rows)
    heads = "".join(f"<th>{escape(column.head)}</th>" for column in columns)
    lines = [
        f"<tr><th>{escape(arm)}</th>{''.join(_cell(column.cells[number]) for column in columns)}</tr>"
        for number, arm in enumerate(rows.distinct("configuration"))
    ]
    return f"<div class=scroll><table class=headline><tr><th></th>{heads}</tr>{''.join(lines)}</table></div>"


def _cell(cell):
    value = f"<b>{cell.value}</b>" if cell.best else cell.value
    return f"<td>{value}{f'<br><small>{cell.interval}</small>' if cell.interval else ''}</td>"

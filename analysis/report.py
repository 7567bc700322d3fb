"""One self-contained HTML page of a study: question, configurations, figures with their tables, what failed, provenance."""

import base64
import csv
import html
import json

import figures

STYLE = """body{font:15px/1.45 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;font-size:13px;margin:.5em 0}td,th{border-bottom:1px solid #ddd;padding:.15em .6em;text-align:left;
vertical-align:top;overflow-wrap:anywhere}
figure{margin:2em 0}figure img{max-width:min(100%,40em)}figcaption{font-size:14px}
.mark{color:#b00000}.scroll{overflow:auto;max-height:30em}"""
LONGEST = 400  # rows of a table that the page shows; its CSV has all


def write(path, study, drawn, left_out, folder):
    """`drawn`: (figure's name, file's stem, Table); `left_out`: (stem, reason); `folder`: of the results."""
    manifest = _manifest(folder)
    title = manifest.get("experiment", str(folder)).rstrip("/").rsplit("/", 1)[-1]
    parts = [f"<h1>{_text(title)}</h1>", f"<p>{_text(manifest.get('question', ''))}</p>", *_launches(study)]
    parts += [_figure(path.parent, *figure) for figure in drawn]
    parts += _section("Not drawn", ["figure", "reason"], left_out)
    parts += _missing(folder) + _provenance(study)
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(title)}</title><style>{STYLE}</style>'
    path.write_text(page + "\n".join(parts) + "</html>\n", encoding="utf-8", errors="backslashreplace")


def _manifest(folder):
    path = folder / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _text(value):
    return html.escape(f"{value:.6g}" if isinstance(value, float) else str(value))


def _table(head, rows):
    lines = [
        "".join(f"<{tag}>{_text(cell)}</{tag}>" for cell in row) for tag, row in [("th", head), *(("td", row) for row in rows)]
    ]
    return "<div class=scroll><table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table></div>"


def _section(title, head, rows):
    return [f"<h2>{title}</h2>", _table(head, rows)] if rows else []


def _launches(study):
    marks = "".join(f"<p class=mark>{_text(mark)}</p>" for mark in study.marks())
    rows = [
        (arm.label, *(arm.configuration.get(key, "") for key in study.varied), len(arm.runs), len(arm.one_of_each_seed()))
        for arm in study.arms
    ]
    return [marks, *_section("Configurations", ["configuration", *study.varied, "launches", "seeds"], rows)]


def _figure(folder, name, stem, table):
    image = base64.b64encode((folder / f"{stem}.png").read_bytes()).decode()
    rows = list(zip(*(table[column].tolist() for column in table.names), strict=True))
    head = [f"{column} ({unit})" if unit else column for column, unit in table.units.items()]
    more = f"<p>{len(rows) - LONGEST} more rows in {_text(stem)}.csv</p>" if len(rows) > LONGEST else ""
    return (
        f'<figure id="{_text(stem)}"><h2>{_text(stem)}</h2><img alt="{_text(stem)}" src="data:image/png;base64,{image}">'
        f"<figcaption>{_text(figures.load(name).__doc__)} <i>{_text(table.title)}</i></figcaption>"
        f"<details><summary>table of {len(rows)} rows</summary>{_table(head, rows[:LONGEST])}{more}</details></figure>"
    )


def _missing(folder):
    path = folder / "missing.csv"
    if not path.is_file():
        return []
    head, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    return _section("Missing cells", head, rows)


def _provenance(study):
    """What was the same in all launches, and every value of what was not."""
    names = sorted({name for run in study.every_run() for name in run.facts()})
    values = [(name, list(dict.fromkeys(run.provenance(name) for run in study.every_run()))) for name in names]
    return _section(
        "Provenance", ["fact", "value"], [(name, "; ".join(value or "-" for value in found)) for name, found in values]
    )

"""One self-contained HTML page of a study, in the order of a paper's results section: headline table, question, answer, what was
fixed, what varied, figures, what failed, provenance."""

import base64
import csv
import html
import json

import answers
import figures
import headline_page
import report_order
from table import Table

STYLE = """body{font:15px/1.45 sans-serif;max-width:64em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;font-size:13px;margin:.5em 0}td,th{border-bottom:1px solid #ddd;padding:.15em .6em;text-align:left;
vertical-align:top;overflow-wrap:break-word}
.headline{width:100%}.headline td,.headline th{text-align:right;vertical-align:bottom}
.headline td,.headline small{white-space:nowrap}
.headline th{font-weight:normal;overflow-wrap:normal}.headline tr th:first-child{text-align:left;width:20%}
.headline small,.note{color:#666;font-size:12px}
figure{display:inline-block;vertical-align:top;margin:1em 1em 1em 0;width:calc(var(--inches)*1.3in);max-width:100%}
figure img{width:100%}figcaption{font-size:14px}
.mark{color:#b00000}.scroll{overflow:auto;max-height:36em}
@media print{body{font-size:12px;max-width:none}figure{margin:.5em .1in .5em 0;width:calc(var(--inches)*1in)}
figcaption{font-size:11px}.scroll{max-height:none;overflow:visible}figure,tr{break-inside:avoid}h2,h3{break-after:avoid}}"""
DOTS_PER_INCH = 200  # of a figure's PNG, by moescope.mplstyle
MANY = 4  # numbers in one line of the provenance
BESIDE = "Beside the question: what no contrast is about"
MOST_KEYS = 4  # with a column each
LONGEST = 400  # rows of a table that the page shows; its CSV has all


def write(path, study, headline, drawn, left_out, folder):
    """`headline`: its Table, or None; `drawn`: (figure's name, file's stem, Table); `left_out`: (stem, reason); `folder`: of the
    results."""
    manifest = _manifest(folder)
    title = manifest.get("experiment", str(folder)).rstrip("/").rsplit("/", 1)[-1]
    parts = [f"<h1>{_text(title)}</h1>", *(f"<p class=mark>{_text(mark)}</p>" for mark in study.marks())]
    parts += headline_page.lines(headline) if headline else []
    parts += _question(manifest) + _answer(study) + _fixed(study) + _varied(study)
    parts += _figures(path.parent, drawn, study.contrasts)
    parts += _section("Not drawn", ["figure", "reason"], left_out)
    parts += _missing(folder) + _section("Provenance", ["fact", "value"], provenance(study))
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(title)}</title><style>{STYLE}</style>'
    path.write_text(page + "\n".join(parts) + "</html>\n", encoding="utf-8", errors="backslashreplace")
    _write_rows(path.parent / "answer.csv", ("contrast", "verdict", "answer"), answers.sentences(study))
    _write_rows(path.parent / "provenance.csv", ("fact", "value"), provenance(study))


def _write_rows(path, names, rows):
    columns = zip(*rows, strict=True)
    Table(**{name: ("", column) for name, column in zip(names, columns, strict=True)}).write_csv(path)


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


def _question(manifest):
    question = manifest.get("question", "")
    return ["<h2>Question</h2>", f"<p>{_text(question)}</p>"] if question else []


def _answer(study):
    told = answers.sentences(study)
    if not study.contrasts:
        return ["<h2>Answer</h2>", *(f"<p>{_text(sentence)}</p>" for *_, sentence in told)]
    items = "".join(f"<li><b>{_text(name)}: {_text(verdict)}.</b> {_text(sentence)}</li>" for name, verdict, sentence in told)
    return ["<h2>Answer</h2>", f"<ul>{items}</ul>"]


def _fixed(study):
    """A row for each table of the configuration."""
    tables = {}
    for key, value in study.fixed().items():
        section, _, name = key.rpartition(".")
        tables.setdefault(section, []).append(f"{name} = {json.dumps(value, ensure_ascii=False)}")
    return _section("What was fixed", ["table", "values"], [(section, ", ".join(keys)) for section, keys in tables.items()])


def _varied(study):
    """A column for each key, or of many keys what an arm has otherwise than the baseline."""
    many = len(study.varied) > MOST_KEYS
    own = (lambda arm: [_otherwise(study, arm)]) if many else lambda arm: [arm.configuration.get(key, "") for key in study.varied]
    rows = [(arm.label, *own(arm), len(arm.runs), len(arm.one_of_each_seed()), len(arm.explaining)) for arm in study.arms]
    keys = [f"otherwise than {study.baseline().label}"] if many else study.varied
    return _section("What varied", ["configuration", *keys, "launches", "seeds", "phased launches beside"], rows)


def _otherwise(study, arm):
    usual, own = study.baseline().configuration, arm.configuration
    keys = [key for key in study.varied if own.get(key) != usual.get(key) and own.get(key, "") != arm.label]
    return ", ".join(f"{key} = {json.dumps(own[key], ensure_ascii=False) if key in own else '-'}" for key in keys) or "-"


def _figures(folder, drawn, contrasts):
    """Those that no contrast is about stand apart, below the others."""
    parts, apart = [], False
    for title, figures_of_it in report_order.sections(drawn, contrasts):
        if not (report_order.asked(title, contrasts) or apart):
            parts, apart = [*parts, f"<h2>{BESIDE}</h2>"], True
        heading = "h3" if apart else "h2"
        parts += [f"<{heading}>{title}</{heading}>", *(_figure(folder, *figure) for figure in figures_of_it)]
    return parts


def _figure(folder, name, stem, table):
    png = (folder / f"{stem}.png").read_bytes()
    image, inches = base64.b64encode(png).decode(), int.from_bytes(png[16:20], "big") / DOTS_PER_INCH
    rows = list(zip(*(table[column].tolist() for column in table.names), strict=True))
    head = [f"{column} ({unit})" if unit else column for column, unit in table.units.items()]
    told = f"{stem}: {table.title}"
    more = f"<p>{len(rows) - LONGEST} more rows in {_text(stem)}.csv</p>" if len(rows) > LONGEST else ""
    return (
        f'<figure id="{_text(stem)}" style="--inches:{inches:.3g}"><img alt="{_text(told)}" src="data:image/png;base64,{image}">'
        f"<figcaption><b>{_text(stem)}</b> {_text(figures.load(name).__doc__)}</figcaption>"
        f"<details><summary>table of {len(rows)} rows</summary>{_table(head, rows[:LONGEST])}{more}</details></figure>"
    )


def _missing(folder):
    path = folder / "missing.csv"
    if not path.is_file():
        return []
    head, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    return _section("Failed and missing cells", head, rows)


def provenance(study):
    """What was the same in all launches, and every value of what was not."""
    runs = study.every_run()
    names = sorted({name for run in runs for name in run.facts()})
    return [(name, _told(dict.fromkeys(run.provenance(name) or "-" for run in runs))) for name in names]


def _told(values):
    """Every one; of many numbers, as measured peaks are, their range."""
    try:
        numbers = [float(value) for value in values if value != "-"]
    except ValueError:
        numbers = []
    many = len(numbers) > MANY
    return f"{min(numbers):.6g} to {max(numbers):.6g} ({len(numbers)} values)" if many else "; ".join(values)

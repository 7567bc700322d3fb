"""Which experts the domains of the held-out text choose: shares of the choices of each, in the last evaluation, by router."""

import numpy as np

import lettering
import panels
import style
from load import over_even_share
from run_file import NotDrawn
from table import Table

OF = "launch"
DOMAIN_NAME, EXPERT_NUMBER = 0.9, 0.3  # inches
INFORMATION = "derived/eval/domain_information"


def table(run):
    at_step, counts = run.last_evaluation("raw/eval/expert_tokens")
    if not run.has(INFORMATION):
        raise NotDrawn(f"{run.path}: written before /{INFORMATION} was recorded.")
    _, information = run.last_evaluation(INFORMATION)
    load = over_even_share(counts).transpose(1, 0, 2)  # [router, domain, expert]
    routers, domains, experts = run.names("router"), run.names("domain"), run.names("expert")
    each = len(domains) * len(experts)
    return Table(
        f"held-out text after {at_step} steps; bit: what an expert tells of the domain; one launch{panels.told(len(routers))}",
        router=("", np.repeat(routers, each)),
        domain=("", np.tile(np.repeat(domains, len(experts)), len(routers))),
        expert=("", np.tile(experts, len(routers) * len(domains))),
        load=("even share", load.ravel()),
        domain_information=("bit", np.repeat(information, each)),
    )


def draw(table):
    routers = panels.chosen(table.distinct("router"))
    names = [lettering.broken(domain, DOMAIN_NAME, 7) for domain in table.distinct("domain")]
    figure = style.new_figure(style.PAGE if len(routers) > 1 else style.COLUMN, 1)
    titles = [_told(router, table.where(router=router)["domain_information"][0]) for router in routers]
    columns = panels.columns(titles, _room(figure))
    rows = -(-len(routers) // columns)
    figure.set_figheight(rows * (max(0.8, 0.13 * max(map(len, names)) * len(names)) + 0.22) + 0.35)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    shown, norm = grid[: len(routers)], style.load_norm(table["load"])
    numbers = int(_room(figure) / columns / EXPERT_NUMBER)
    for axes, router, title in zip(shown, routers, titles, strict=True):
        image = _panel(axes, table.where(router=router), names, norm, numbers)
        axes.set_title(title, loc="left")
    for number, axes in enumerate(shown):
        axes.tick_params(labelleft=number % columns == 0)
        axes.set_xlabel("expert" if number + columns >= len(routers) else "")
    for axes in grid[len(routers) :]:
        axes.remove()
    style.load_bar(figure, image, list(shown), "choices\n(1: an even share)", aspect=12, pad=0.01)
    return figure


def _told(router, bits):
    return f"{router}: {bits:.3f} bit" if np.isfinite(bits) else f"{router}: not finite"


def _room(figure):
    """Inches of all panels, beside the names of domains and the colour bar."""
    return figure.get_figwidth() - DOMAIN_NAME - 0.8


def _panel(axes, table, domains, norm, numbers):
    load = table["load"].reshape(len(domains), -1)
    image = style.load_image(axes, load, norm)
    experts = table.distinct("expert")
    every = -(-len(experts) // numbers)
    axes.set_xticks(range(0, len(experts), every), experts[::every])
    axes.set_yticks(range(len(domains)), ["\n".join(lines) for lines in domains])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image

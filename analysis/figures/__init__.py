"""Each module here is one figure, found by its name. It has

OF     what it is drawn of: "launch" (one run file), "explanation" (the phased launch beside a free one, else the latter),
       "study" (all that were given), or "comparison" (several configurations)
table  Run or Study -> Table: everything that is drawn; raises NotDrawn with the reason where there is nothing to draw
draw   Table -> Figure
"""

import importlib
import pkgutil

import lettering
import numerals


def names():
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name):
    return importlib.import_module(f"{__name__}.{name}")


def draw(name, table):
    """The figure of this name, its long names as numbers that lettering.key(table) explains."""
    figure = load(name).draw(table.with_texts(lettering.shown))
    numerals.everywhere(figure)
    return figure

"""Each module here is one figure, found by its name, with `draw(run) -> Figure`."""

import importlib
import pkgutil


def names():
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def draw(name, run):
    return importlib.import_module(f"{__name__}.{name}").draw(run)

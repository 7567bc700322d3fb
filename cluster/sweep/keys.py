"""The driver holds its own keys as the program does its own: an unknown one is refused with the nearest, a wrong type by name."""

import difflib

from . import Mistake
from .toml_file import TYPES


def nearest(key, known, where=""):
    """The end of a sentence about an unknown one; empty where nothing is near."""
    near = difflib.get_close_matches(key, known, 1)
    return f"; did you mean {where}{near[0]}?" if near else ""


def unknown(path, key, known, where="", what="key"):
    return Mistake(f"{path}: unknown {what} {where}{key}; there are {', '.join(known)}{nearest(key, known, where)}")


def require(path, table, types, where=""):
    """`types`: {key: its type, or several}."""
    if not isinstance(table, dict):
        raise Mistake(f"{path}: {where.rstrip('.')} = {table!r} must be a table")
    for key, value in table.items():
        if key not in types:
            raise unknown(path, key, types, where)
        allowed = types[key] if isinstance(types[key], tuple) else (types[key],)
        if type(value) not in allowed and not (float in allowed and type(value) is int):
            told = " or ".join(TYPES[each] for each in allowed)
            raise Mistake(f"{path}: {where}{key} = {value!r} must be of type {told}")


def require_list_of(path, values, kind, where):
    for value in values:
        if type(value) is not kind:
            raise Mistake(f"{path}: {where} holds {value!r}; it must be a list of type {TYPES[kind]}")


def count(path, key, value, least, most=1_000_000):
    if type(value) is not int or not least <= value <= most:
        limit = f" and at most {most}" if type(value) is int and value > most else ""
        raise Mistake(f"{path}: {key} = {value!r} must be a whole number of at least {least}{limit}")
    return value

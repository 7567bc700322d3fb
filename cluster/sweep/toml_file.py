"""Reads TOML files into plain values (text, numbers, lists, tables), and writes a value as the program reads it."""

import json
import math
import tomllib
from pathlib import Path

from . import Mistake

TYPES = {dict: "table", list: "list", str: "text", bool: "bool", int: "int", float: "float"}


def kind(value):
    """table, list, text, bool or number; anything else, such as a date, by its name in Python."""
    return "number" if type(value) in (int, float) else TYPES.get(type(value), type(value).__name__)


def read_toml(path):
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))  # with a byte order mark or without
    except OSError as error:
        raise Mistake(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, a number of thousands of digits
        raise Mistake(f"{path}: {error}") from None
    _require_plain(path, values, "")
    return values


def _require_plain(path, value, where):
    if isinstance(value, dict):
        for key, part in value.items():
            if not key.isprintable() or not key:
                raise Mistake(f"{path}: {where}{key!r} must be a name of printable characters")
            _require_plain(path, part, f"{where}{key}.")
    elif isinstance(value, list):
        for part in value:
            _require_plain(path, part, where)
    elif type(value) not in TYPES:
        raise Mistake(f'{path}: {where[:-1]} = {value} is a {type(value).__name__}; as text it stands in quotes: "{value}"')
    elif isinstance(value, str) and "\0" in value:
        raise Mistake(f"{path}: {where[:-1]} = {value!r} must be without the character 0")


def nested(path, table):
    """{"layout.ep": 2} -> {"layout": {"ep": 2}}; a key that stands there twice is refused."""
    result = {}
    for key, value in table.items():
        first, dot, rest = key.partition(".")
        value = nested(path, {rest: value} if dot else value) if dot or isinstance(value, dict) else value
        result[first] = _joined(path, result[first], value, first) if first in result else value
    return result


def _joined(path, one, other, where):
    if not (isinstance(one, dict) and isinstance(other, dict)):
        raise Mistake(f"{path}: {where} is given twice")
    result = dict(one)
    for key, value in other.items():
        result[key] = _joined(path, one[key], value, f"{where}.{key}") if key in one else value
    return result


def flat(path, table):
    """{"layout": {"ep": 2}} -> {"layout.ep": 2}; keys that are already dotted stay."""
    return _flat(nested(path, table), "")


def _flat(table, prefix):
    values = {}
    for key, value in table.items():
        values |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return values


def merged(general, special):
    """Tables key by key; anything else of `special` replaces that of `general`."""
    result = dict(general)
    for key, value in special.items():
        both_tables = isinstance(value, dict) and isinstance(general.get(key), dict)
        result[key] = merged(general[key], value) if both_tables else value
    return result


def _text(value):
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_value(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)} = {toml_value(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return _text(value)

"""Evaluates the expressions of a sweep file: arithmetic, comparisons and a few functions over named values, nothing else."""

import ast
import math
import operator

from . import Mistake

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: lambda one, other: operator.mul(*_numbers(one, other)),  # of texts and lists it would repeat them without end
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: lambda one, other: operator.mod(*_numbers(one, other)),  # of a text it would format it
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, group: value in group,
    ast.NotIn: lambda value, group: value not in group,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
}
FUNCTIONS = {"min": min, "max": max, "ceil": math.ceil, "floor": math.floor, "gcd": math.gcd, "lcm": math.lcm, "abs": abs}


def _numbers(*values):
    if not all(isinstance(value, int | float) for value in values):
        raise TypeError("* and % are for numbers")
    return values


def _dotted(node):
    return node.id if isinstance(node, ast.Name) else f"{_dotted(node.value)}.{node.attr}"


def _compare(node, value_of):
    left = _value(node.left, value_of)
    for kind, right_node in zip(node.ops, node.comparators, strict=True):
        right = _value(right_node, value_of)
        if not OPERATORS[type(kind)](left, right):
            return False
        left = right
    return True


def _boolean(node, value_of):
    values = (bool(_value(part, value_of)) for part in node.values)
    return all(values) if isinstance(node.op, ast.And) else any(values)


def _call(node, value_of):
    if node.keywords:
        raise KeyError("keyword")
    return FUNCTIONS[node.func.id](*(_value(part, value_of) for part in node.args))


def _value(node, value_of):
    match node:
        case ast.Constant(value=bool() | int() | float() | str()):
            return node.value
        case ast.Name() | ast.Attribute():
            return value_of(_dotted(node))
        case ast.BinOp():
            return OPERATORS[type(node.op)](_value(node.left, value_of), _value(node.right, value_of))
        case ast.UnaryOp():
            return OPERATORS[type(node.op)](_value(node.operand, value_of))
        case ast.Compare():
            return _compare(node, value_of)
        case ast.BoolOp():
            return _boolean(node, value_of)
        case ast.IfExp():
            return _value(node.body if _value(node.test, value_of) else node.orelse, value_of)
        case ast.Tuple() | ast.List():
            return [_value(part, value_of) for part in node.elts]
        case ast.Call():
            return _call(node, value_of)
    raise KeyError(type(node).__name__)


def evaluate(text, value_of):
    """`value_of(name)` gives the value of a dotted name such as layout.ep, or raises Mistake."""
    try:
        return _value(ast.parse(text, mode="eval").body, value_of)
    except (SyntaxError, RecursionError, MemoryError):
        raise Mistake(f'the expression "{text}" cannot be read') from None
    except (KeyError, AttributeError):  # an operator, a function or a kind of expression that is none of ours
        raise Mistake(
            f'the expression "{text}" may hold names, numbers, texts, + - * / // %, comparisons, and, or, not, in, '
            f"if-else and {', '.join(FUNCTIONS)} only"
        ) from None
    except (TypeError, ValueError, ArithmeticError) as error:
        raise Mistake(f'the expression "{text}" has no value: {error}') from None

"""Small faults put into a project's code, one at a time: tests that are worth something notice most of them."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OTHER: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """One fault."""

    file: str
    line: int
    what: str
    source: str  # the whole file with the fault in it


def statements(source: str) -> set[int]:
    """Give the first lines of the statements of a module, docstrings left out. Raises `SyntaxError`."""
    tree = ast.parse(source)
    texts = {id(n.body[0]) for n in ast.walk(tree) if isinstance(n, DOCUMENTED) and _documented(n)}
    return {n.lineno for n in ast.walk(tree) if isinstance(n, ast.stmt) and id(n) not in texts}


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _documented(node: Any) -> bool:
    return ast.get_docstring(node, clean=False) is not None


def chosen(sources: Mapping[str, str], own: set[str], count: int, seed: int) -> list[Mutant]:
    """Give `count` mutants by seed, three in four of them in the team's `own` files as far as there are so many."""
    import numpy as np

    rng = np.random.default_rng(seed)
    found = {name: list(_faults(name, text)) for name, text in sorted(sources.items())}
    theirs = [m for name, faults in found.items() if name in own for m in faults]
    others = [m for name, faults in found.items() if name not in own for m in faults]
    most = [theirs[i] for i in rng.permutation(len(theirs))]
    rest = [others[i] for i in rng.permutation(len(others))]
    picked = most[: max(count * 3 // 4, count - len(rest))]
    return [*picked, *rest[: count - len(picked)]]


def _faults(name: str, source: str) -> Iterator[Mutant]:
    """Give every mutant of a module: only within functions, and never in annotations."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    for function in (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))):
        for node in (n for statement in function.body for n in ast.walk(statement)):
            for changed, what in _changes(node):
                written = _replaced(source, node, changed)
                if written is not None:
                    yield Mutant(name, getattr(node, "lineno", function.lineno), what, written)


def _changes(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPPOSITE:
        other = OPPOSITE[type(node.ops[0])]()
        yield ast.Compare(node.left, [other], node.comparators), "a comparison turned round"
    elif isinstance(node, ast.BinOp) and type(node.op) in OTHER and not _text(node):
        yield ast.BinOp(node.left, OTHER[type(node.op)](), node.right), "another operator"
    elif isinstance(node, ast.BoolOp):
        op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield ast.BoolOp(op, node.values), "`and` and `or` exchanged"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand, "a `not` taken out"
    elif isinstance(node, ast.Return) and node.value is not None and not _none(node.value):
        yield ast.Return(ast.Constant(None)), "None returned"


def _text(node: ast.BinOp) -> bool:
    """Whether an operand is a text: joining texts is not arithmetic."""
    ends = (node.left, node.right)
    return any(isinstance(e, ast.JoinedStr) or (isinstance(e, ast.Constant) and isinstance(e.value, str)) for e in ends)


def _none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _replaced(source: str, node: Any, changed: ast.AST) -> str | None:
    """Give the source with a node written otherwise, everything else as it was."""
    before = ast.get_source_segment(source, node)
    if before is None:
        return None
    lines = source.splitlines(keepends=True)
    start = sum(len(line) for line in lines[: node.lineno - 1]) + _column(lines[node.lineno - 1], node.col_offset)
    after = ast.unparse(ast.fix_missing_locations(changed))
    whole = f"({after})" if isinstance(node, ast.expr) else after
    written = source[:start] + whole + source[start + len(before) :]
    try:
        ast.parse(written)
    except SyntaxError:
        return None
    return written


def _column(line: str, offset: int) -> int:
    """Give the place of a character by its offset in bytes."""
    return len(line.encode()[:offset].decode("utf-8", "ignore"))

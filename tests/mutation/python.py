"""Faults in the Python modules of `hooks/`: one changed node of the syntax tree each."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

from tests.mutation.mutant import ROOT, Mutant, numbered

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_SWAPPED = {"any": "all", "all": "any", "min": "max", "max": "min"}
_REMOVED = (ast.Raise, ast.Continue, ast.Break, ast.AugAssign)
_NAME = re.compile(r"[\w./:-]+")
_DECIDES_NOTHING = frozenset({"maxsize", "strict"})
"""Arguments that bound a memory, or stop a slip of programming (`zip` of unlike lengths)."""


@dataclass(frozen=True)
class _Site:
    """A node, the function or class that it stands in, and whether that is import time."""

    node: ast.AST
    scope: str
    cold: bool


def _sites(node: ast.AST, scope: str = "", cold: bool = True) -> Iterator[_Site]:
    """Every node that can be faulty; annotations, docstrings and imports cannot."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _is_text_alone(child):
                continue
            inner = cold and not (isinstance(node, ast.FunctionDef) and name == "body")
            yield _Site(child, scope, inner)
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                inside = "." if inner else ".<locals>."
                yield from _sites(child, f"{scope}{inside}{child.name}".lstrip("."), inner)
            elif not isinstance(child, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.keyword):
                yield from _sites(child, scope, inner)
            elif isinstance(child, ast.JoinedStr):
                parts = [part for part in child.values if isinstance(part, ast.FormattedValue)]
                for part in parts:
                    yield from _sites(part, scope, inner)
            elif isinstance(child, ast.keyword) and child.arg not in _DECIDES_NOTHING:
                yield from _sites(child, scope, inner)


def _is_text_alone(node: ast.AST) -> bool:
    """A docstring, or a name for a type."""
    if isinstance(node, ast.AnnAssign):
        return ast.unparse(node.annotation) == "TypeAlias"
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func) == "TypeVar"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _faults(node: ast.AST) -> Iterator[ast.AST]:
    """The faulty versions of one node."""
    match node:
        case ast.Compare():
            yield from _comparisons(node)
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield ast.BoolOp(other, node.values)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            yield ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)
        case ast.Constant():
            yield from map(ast.Constant, _constants(node.value))
        case ast.If() | ast.IfExp() | ast.While() if not _negated_anyway(node.test):
            changed = copy.copy(node)
            changed.test = _negated(node.test)
            yield changed
        case ast.comprehension(ifs=[test, *_]) if not _negated_anyway(test):
            changed = copy.copy(node)
            changed.ifs = [_negated(node.ifs[0]), *node.ifs[1:]]
            yield changed
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Call(func=ast.Name(id=name)) if name in _SWAPPED:
            yield ast.Call(ast.Name(_SWAPPED[name], ast.Load()), node.args, node.keywords)
        case ast.Expr():
            yield ast.Pass()
        case _ if isinstance(node, _REMOVED):
            yield ast.Pass()


def _negated_anyway(test: ast.expr) -> bool:
    """Whether the fault of the condition itself is its negation."""
    if isinstance(test, ast.Compare):
        return len(test.ops) == 1
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _comparisons(node: ast.Compare) -> Iterator[ast.AST]:
    for i, op in enumerate(node.ops):
        for other in _COMPARISONS[type(op)]:
            yield ast.Compare(
                node.left, [*node.ops[:i], other(), *node.ops[i + 1 :]], node.comparators
            )


def _constants(value: object) -> Iterator[bool | int | float | str]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value - 1)
    elif isinstance(value, str) and _NAME.fullmatch(value):
        yield f"not-{value}"


def _shown(node: ast.AST) -> str:
    """One short line of source."""
    if isinstance(node, ast.If | ast.While):
        return f"if {_shown(node.test)}"
    if isinstance(node, ast.comprehension):
        return f"for … if {_shown(node.ifs[0])}"
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else f"{text[:60]} … {text[-27:]}"


def mutants_of(file: str) -> Iterator[Mutant]:
    """Every fault of one module."""
    source = (ROOT / file).read_text(encoding="utf-8")
    tree = ast.parse(source)
    for site in _sites(tree):
        for fault in _faults(site.node):
            yield _mutant(file, tree, site, fault)


def _mutant(file: str, tree: ast.Module, site: _Site, fault: ast.AST) -> Mutant:
    change = f"{_shown(site.node)} -> {_shown(fault)}"

    def code() -> CodeType:
        located = ast.copy_location(fault, site.node) if hasattr(site.node, "lineno") else fault
        faulty = copy.deepcopy(tree, {id(site.node): located})
        path = str(ROOT / file)
        return compile(ast.fix_missing_locations(faulty), path, "exec", dont_inherit=True)

    return Mutant(file, site.scope or "module", change, code, site.cold)


def mutants() -> Iterator[Mutant]:
    """Every fault of every module of `hooks/`."""
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "hooks").rglob("*.py"))
    return numbered(one for file in files for one in mutants_of(file))

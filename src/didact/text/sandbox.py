"""Jinja templates of strangers, rendered so that they can neither reach out nor run away.

jinja2's immutable sandbox keeps a template from attributes with underscores and from what is not
data. That is not all: a template of one line can still fill the memory (``'x' * 10**9``) or loop
for hours. So here a template is read first and refused if it holds anything but text, values,
branches and loops; every name it may call is listed; and every step it takes and every value it
makes is weighed against an allowance, before the value is made where it could be large. Each render
works on a copy of the values, so that what a template appends to is its own.

The filters are those that the public PromptSource templates use, and their like.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from random import Random
from typing import Any, cast

from jinja2 import StrictUndefined, TemplateError, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

__all__ = ["MissingValue", "Sandbox", "TemplateRefused"]

_ALLOWANCE = 1_000_000
"""Steps, characters and items of one render; the longest public template takes a hundredth."""
_LONGEST = 100_000
"""Characters of a template."""
_RANGE = 10_000


class TemplateRefused(Exception):
    """A template does what it may not, or more of it."""


class MissingValue(Exception):
    """A template names a value that the row has not."""


class Sandbox:
    """Renders templates. Not for several threads at once."""

    def __init__(self, *, strict: bool = True) -> None:
        """``strict``: a name without a value is an error; otherwise it is the empty text."""
        self._meter = _Meter()
        self._environment = _Environment(self._meter, strict=strict)

    def template(self, source: str) -> Callable[[Mapping[str, object], Random], str]:
        """A function that renders the template; TemplateRefused where it is none to render."""
        try:
            if len(source) > _LONGEST:
                raise TemplateRefused(f"longer than {_LONGEST} characters")
            tree = _Guard().visit(self._environment.parse(source))
            compiled = self._environment.from_string(tree)
        except RecursionError as error:
            raise TemplateRefused("nested too deeply") from error
        except TemplateError as error:
            raise TemplateRefused(f"not a template: {error}") from error

        def render(values: Mapping[str, object], rng: Random) -> str:
            self._meter.start(rng)
            pieces: list[str] = []
            try:
                for piece in compiled.generate(copy.deepcopy(dict(values))):
                    self._meter.charge(len(piece) + 1)
                    pieces.append(piece)
            except SecurityError as error:
                raise TemplateRefused(str(error)) from error
            except RecursionError as error:
                raise TemplateRefused("nested too deeply") from error
            except TemplateError as error:
                raise MissingValue(str(error)) from error
            except _OF_DATA as error:
                raise MissingValue(f"{type(error).__name__}: {error}") from error
            return "".join(pieces)

        return render


_OF_DATA = (TypeError, ValueError, KeyError, IndexError, AttributeError, ZeroDivisionError)
"""What a template meets in a row that is not as it expects."""


_DEFAULT = cast("Mapping[str, Callable[..., Any]]", FILTERS)


class _Meter:
    """What is left of the allowance of one render, and its randomness."""

    def __init__(self) -> None:
        self._left = _ALLOWANCE
        self.rng = Random(0)

    def start(self, rng: Random) -> None:
        self._left = _ALLOWANCE
        self.rng = rng

    def charge(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise SecurityError("it takes more steps or memory than a template may")

    def weigh(self, value: object) -> None:
        """Charge for everything in a value, each part as often as it stands in it."""
        if isinstance(value, str | bytes):
            self.charge(len(value) + 1)
        elif isinstance(value, int):
            self.charge(value.bit_length() // 8 + 1)
        elif isinstance(value, Mapping):
            for key, item in cast("Mapping[object, object]", value).items():
                self.charge(1)
                self.weigh(key)
                self.weigh(item)
        elif isinstance(value, list | tuple | set | frozenset):
            for item in cast("Iterable[object]", value):
                self.charge(1)
                self.weigh(item)
        elif callable(value) and not isinstance(value, Undefined):
            raise SecurityError("a function is no value to write")
        else:
            self.charge(1)

    def steps(self, items: Iterable[object]) -> Iterator[object]:
        """The items, each for a step."""
        for item in items:
            self.charge(1)
            yield item


_ALLOWED_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.NSRef,
    nodes.Getitem, nodes.Getattr, nodes.Slice, nodes.Call, nodes.Keyword, nodes.Filter, nodes.Test,
    nodes.If, nodes.For, nodes.Assign, nodes.AssignBlock, nodes.CondExpr, nodes.Compare,
    nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub,
    nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Concat, nodes.List, nodes.Tuple,
    nodes.Dict, nodes.Pair,
)  # fmt: skip


class _Guard(NodeTransformer):
    """Refuses what has no place in a template of data, and puts the meter where values are made."""

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        if type(node) not in _ALLOWED_NODES:
            raise TemplateRefused(f"line {node.lineno}: {type(node).__name__} is not allowed")
        if isinstance(node, nodes.For) and node.recursive:
            raise TemplateRefused(f"line {node.lineno}: a recursive loop is not allowed")
        self.generic_visit(node, *args, **kwargs)
        if isinstance(node, nodes.For):
            node.iter = _metered(cast("nodes.Expr", node.iter), "_steps")
        elif isinstance(node, nodes.Concat):
            return _metered(nodes.List(node.nodes, lineno=node.lineno), "_concat")
        elif isinstance(node, nodes.List | nodes.Dict) or (
            isinstance(node, nodes.Tuple) and node.ctx == "load"
        ):
            return _metered(cast("nodes.Expr", node), "_weighed")
        return node


def _metered(node: nodes.Expr, filter: str) -> nodes.Filter:
    return nodes.Filter(node, filter, [], [], None, None, lineno=node.lineno)


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox with a list of what may be called, and a meter on all of it."""

    intercepted_binops = frozenset({"*", "+", "%", "**"})

    def __init__(self, meter: _Meter, *, strict: bool) -> None:
        super().__init__(
            undefined=StrictUndefined if strict else Undefined,
            # Folding constants would make values before any meter runs.
            optimized=False,
            finalize=self._finalized,
            cache_size=0,
        )
        self.meter = meter
        self.globals = {"range": _range, "namespace": Namespace, "zip": zip}
        self.filters = {name: self._filter(_DEFAULT[name]) for name in _FILTERS}
        own: dict[str, Callable[..., object]] = {
            "choice": self._choice,
            "random": self._choice,
            "most_frequent": _most_frequent,
            "format": _format,
            "round": _round,
            "join": self._join,
            "replace": self._replace,
            "_concat": self._join,
            "_weighed": _unchanged,
        }
        self.filters |= {name: self._filter(function) for name, function in own.items()}
        self.filters["_steps"] = meter.steps

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:  # noqa: ARG002
        """Only what is listed, by the type of the object."""
        for kind, names in _ATTRIBUTES:
            if isinstance(obj, kind):
                return attr in names or (names == _ANY and not attr.startswith("_"))
        return False

    def unsafe_undefined(self, obj: object, attribute: str) -> Undefined:
        """An attribute out of bounds is an error at once, not an empty text."""
        raise SecurityError(f"{attribute!r} of a {type(obj).__name__} is out of bounds")

    def call_binop(self, context: object, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401
        """Weigh what an operator would make, before it does."""
        sized = (cast("list[object]", v) for v in (left, right) if isinstance(v, _SIZED))
        sizes = [len(v) for v in sized]
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"{operator} is not allowed here")
        if operator == "*" and sizes:
            count = right if isinstance(right, int) else left
            sequence = left if count is right else right
            self.meter.weigh(sequence)
            self.meter.charge(max(0, count if isinstance(count, int) else 0) * (sizes[0] + 1))
        self.meter.weigh(left)
        self.meter.weigh(right)
        return super().call_binop(context, operator, left, right)  # pyright: ignore

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Call what is listed; arguments and result are weighed."""
        meter = __self.meter
        args = tuple(__self._plain(arg) for arg in args)
        for value in (*args, *kwargs.values()):
            meter.weigh(value)
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str):
            meter.weigh(owner)
            if __obj.__name__ == "join":
                return __self._join(*args, d=owner)
            if __obj.__name__ == "replace":
                return __self._replace(owner, *args)
        elif owner is None and __obj not in (_range, Namespace, zip):
            raise SecurityError(f"{__obj!r} cannot be called")
        result = __self._plain(super().call(__context, __obj, *args, **kwargs))
        meter.weigh(result)
        return result

    def _filter(self, function: Callable[..., Any]) -> Callable[..., Any]:
        # What jinja2 passes first to some filters is no value to weigh.
        first = 1 if hasattr(function, "jinja_pass_arg") else 0

        @wraps(function)
        def weighed(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            given = [*args[:first], *map(self._plain, args[first:])]
            for value in (*given[first:], *kwargs.values()):
                self.meter.weigh(value)
            result = self._plain(function(*given, **kwargs))
            self.meter.weigh(result)
            return result

        return weighed

    def _plain(self, value: Any) -> Any:  # noqa: ANN401
        """A generator as the list of what it gives."""
        if isinstance(value, Iterator):
            return list(self.meter.steps(cast("Iterator[object]", value)))
        return value

    def _finalized(self, value: object) -> object:
        self.meter.weigh(value)
        return value

    def _choice(self, items: Iterable[object]) -> object:
        return self.meter.rng.choice(list(items))

    def _join(self, value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
        if attribute is not None:
            raise SecurityError("join takes no attribute here")
        parts: list[str] = []
        for item in value:
            self.meter.weigh(item)
            self.meter.charge(len(d))
            if isinstance(item, Undefined):
                str(item)
            parts.append(str(item))
        return str(d).join(parts)

    def _replace(self, text: object, old: str, new: str, count: int = -1) -> str:
        whole = str(text)
        found = whole.count(old)
        self.meter.charge((found if count < 0 else min(found, count)) * len(new) + len(whole))
        return whole.replace(old, new, count)


def _unchanged(value: object) -> object:
    return value


def _range(*args: int) -> range:
    numbers = range(*args)
    if len(numbers) > _RANGE:
        raise SecurityError(f"a range of more than {_RANGE} numbers")
    return numbers


def _most_frequent(items: Iterable[Any]) -> list[Any] | None:
    """All that stand most often, in order."""
    counts = Counter(items).most_common()
    return [item for item, count in counts if count == counts[0][1]] or None


def _format(text: str, *values: object) -> str:
    if re.search(r"%[^a-zA-Z%]*(\*|\d{3})", text):
        raise SecurityError("a format wider than 99")
    return text % values


def _round(value: float, precision: int = 0, method: str = "common") -> float:
    if abs(precision) > 20:
        raise SecurityError("rounding to more than 20 places")
    return cast("float", _DEFAULT["round"](value, precision, method))


_SIZED = (str, list, tuple)
_ANY = frozenset({"*"})
# fmt: off
_STRING = frozenset((
    "capitalize", "casefold", "count", "endswith", "find", "index", "isalnum", "isalpha", "isdigit",
    "islower", "isnumeric", "isspace", "isupper", "join", "lower", "lstrip", "partition",
    "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rpartition", "rsplit", "rstrip",
    "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper",
))
_LOOP = frozenset((
    "cycle", "depth", "depth0", "first", "index", "index0", "last", "length", "nextitem",
    "previtem", "revindex", "revindex0",
))
# fmt: on
_ATTRIBUTES: tuple[tuple[type, frozenset[str]], ...] = (
    (str, _STRING),
    (list, frozenset({"append", "count", "extend", "index", "pop"})),
    (tuple, frozenset({"count", "index"})),
    (dict, frozenset({"get", "items", "keys", "pop", "update", "values"})),
    (Namespace, _ANY),
    (LoopContext, _LOOP),
)
_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items",
    "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse",
    "select", "selectattr", "sort", "string", "sum", "title", "trim", "truncate", "unique",
    "upper", "wordcount",
)  # fmt: skip

"""What a model can do beyond answering somehow, and what a component needs of the models it asks.

A model declares `capabilities`, some of `chat` (messages), `completion` (plain continuation of a
prompt), `logprobs` (of the tokens of its reply) and `schema` (a server that enforces a JSON schema;
without it a schema is a wish, and the reply is read leniently). One that declares nothing is taken
at its word that it can do all. A component declares `needs`, by the field that names the role.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from didact.records import Request

__all__ = ["ALL", "Lack", "capabilities_of", "lacking", "needed_by", "needs_of"]

ALL = frozenset({"chat", "completion", "logprobs", "schema"})
"""Every capability there is."""


class Lack(NamedTuple):
    """A capability that a component needs and its model has not."""

    field: str
    """The component's field that names the role."""
    role: str
    message: str


def capabilities_of(model: object) -> frozenset[str]:
    """What a model says it can do."""
    return frozenset(getattr(model, "capabilities", ALL))


def needed_by(request: Request) -> str:
    """The capability without which this request cannot be answered at all."""
    return "chat" if request.prompt is None else "completion"


def needs_of(component: object) -> Mapping[str, frozenset[str]]:
    """What a component needs: role field to capabilities."""
    return cast("Mapping[str, frozenset[str]]", getattr(component, "needs", {}))


def lacking(component: object, models: Mapping[str, object]) -> list[Lack]:
    """What a component needs that the models of its roles cannot do, in words."""
    lacks: list[Lack] = []
    for field, needed in needs_of(component).items():
        role = getattr(component, field, field)
        if role not in models:
            continue
        missing = sorted(needed - capabilities_of(models[role]))
        if missing:
            able = sorted(r for r, m in models.items() if needed <= capabilities_of(m))
            have = ", ".join(sorted(capabilities_of(models[role]))) or "nothing"
            other = f"; of the roles here {' and '.join(able)} can" if able else ""
            message = (
                f"role {role!r} must be able to do {', '.join(missing)}, and"
                f" {type(models[role]).__name__} can only do {have}{other}"
            )
            lacks.append(Lack(field, role, message))
    return lacks

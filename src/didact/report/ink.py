"""What every picture is drawn with: places on an axis, round numbers, text, the frame of an SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

__all__ = ["figure", "place", "polar", "svg", "text", "ticks"]


def ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Round numbers from the one at or below ``low`` to the last not above ``high``."""
    span = (high - low) or 1.0
    rough = span / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def place(value: float, low: float, high: float, start: float, stop: float) -> float:
    """Where a value between low and high lies between start and stop."""
    return start + (value - low) / ((high - low) or 1) * (stop - start)


def polar(turn: float, radius: float) -> tuple[float, float]:
    """The point at a part of a turn, clockwise from the top."""
    angle = turn * math.tau
    return radius * math.sin(angle), -radius * math.cos(angle)


def figure(value: float) -> str:
    """A number on an axis."""
    text = f"{value:,.10g}" if abs(value) < 1 else f"{value:,.6g}"
    text = f"{value:,.0f}" if float(value).is_integer() else text
    return text.replace("-", "\N{MINUS SIGN}")


def text(
    x: float, y: float, text: str, style: str, *, anchor: str = "start", halo: bool = False
) -> str:
    """A line of text; ``halo`` keeps it legible over marks."""
    classes = f"{style} halo" if halo else style
    return (
        f'<text class="{classes}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def svg(width: float, height: float, body: Sequence[str], *, title: str, desc: str) -> str:
    """The picture, with its title and description for those who cannot see it."""
    return (
        f'<svg class="chart" role="img" aria-label="{escape(title)}" '
        f'viewBox="0 0 {width:g} {height:g}"><title>{escape(title)}</title>'
        f"<desc>{escape(desc)}</desc>{''.join(body)}</svg>"
    )

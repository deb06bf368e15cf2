"""The answer that a conversation ends in: what is rated, scored and rewarded.

``Example.output`` is the last assistant turn wherever it stands; where a user speaks last, nothing
answers what they said.
"""

from __future__ import annotations

from didact.records import Example

__all__ = ["answer_of"]


def answer_of(example: Example) -> str:
    """The last turn where it is the assistant's and says something; "" where there is none."""
    last = example.messages[-1] if example.messages else None
    return last.content if last and last.role == "assistant" and last.content.strip() else ""

"""A folder for ``ollama create``: Modelfile, weights, template and stop tokens.

Weights go in as GGUF where llama.cpp's converter is at hand, else as safetensors, which Ollama
imports itself for the architectures that it knows. Ollama's templates are Go's: the strings around
each turn are carried over and tried on the run's own prompts; what a Go template cannot say (Ollama
has no function that splits a turn) is told, with the words that make up for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from didact.errors import ConfigError
from didact.exports import gguf, loading, merged
from didact.exports.export import Made, Options
from didact.exports.slots import Render, Slots, take_apart
from didact.exports.trained import Trained
from didact.records import Message

__all__ = ["go_template", "make", "modelfile", "renderer"]


def make(trained: Trained, out: Path, options: Options) -> Made:
    """The folder for Ollama."""
    if trained.kind == "classifier":
        raise ConfigError("ollama: it has no reward models; --to merged exports this one")
    notes: list[str] = []
    try:
        converter = gguf.converter_of(options)
    except ConfigError as error:
        if options.converter is not None or os.environ.get(gguf.CONVERTER):
            raise
        merged.write(trained, out / "model")
        parity = merged.parity_of(trained, out / "model", options.bar(merged.merged_bar(trained)))
        source = "./model"
        notes.append(
            "weights are safetensors, which Ollama imports for the architectures it knows (Llama,"
            f" Mistral, Gemma, Phi and a few more); {error}"
        )
    else:
        parity = gguf.convert(trained, out, options, converter=converter)
        source = f"./{trained.name}.gguf"
    tokenizer = loading.tokenizer_of(trained.model)
    render = renderer(tokenizer)
    slots = take_apart(render)
    stops = [str(tokenizer.convert_ids_to_tokens(n)) for n in sorted(trained.stops(tokenizer))]
    opening = tokenizer.bos_token or ""
    if slots is None:
        notes.append(
            "the chat template is not made of fixed strings around the turns, so the Modelfile has"
            " no TEMPLATE and Ollama will guess one: transformers serve, vLLM and llama.cpp read"
            " the real one"
        )
    else:
        notes += _told(slots, trained.conversations(), render)
        if opening and slots.opening.startswith(opening):
            notes.append(f"{opening!r} is left out of TEMPLATE: Ollama puts it first by itself")
    text = modelfile(source, slots, stops=stops, bos=opening, context=_context(trained.model))
    (out / "Modelfile").write_text(text, encoding="utf-8")
    return Made(parity=parity, notes=notes, next=f"ollama create {trained.name} -f Modelfile")


def renderer(tokenizer: Any) -> Render:  # noqa: ANN401  (transformers' own)
    """The tokenizer's template as a function."""

    def render(messages: Sequence[Message], begin: bool) -> str:
        turns = [message.to_json() for message in messages]
        return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=begin)

    return render


def _told(slots: Slots, prompts: Sequence[Sequence[Message]], render: Render) -> list[str]:
    notes: list[str] = []
    if not slots.has_system:
        notes.append("the chat template takes no system turn: Ollama's SYSTEM is left out")
        prompts = [p for p in prompts if p[0].role != "system"]
    if differing := slots.differing(prompts, render):
        told = (
            f"{len(differing)} of {len(prompts)} prompts of the run come out otherwise by TEMPLATE:"
            " the chat template does more with a turn than to put strings around it"
        )
        fitted = slots.fitted(differing[0], render)
        if fitted is not None:
            told += f". Ask {_last(fitted)} in place of {_last(differing[0])}"
        notes.append(told)
    return notes


def _last(messages: Sequence[Message]) -> str:
    text = json.dumps(messages[-1].content, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:60]} ... {text[-55:]}"


def _context(model: Path) -> int | None:
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    return config.get("max_position_embeddings")


def modelfile(
    source: str, slots: Slots | None, *, stops: Sequence[str], bos: str = "", context: int | None
) -> str:
    """The text of a Modelfile."""
    lines = [f"FROM {source}"]
    if slots is not None:
        lines.append(f'TEMPLATE """{go_template(slots, bos=bos)}"""')
    lines += [f"PARAMETER stop {json.dumps(stop, ensure_ascii=False)}" for stop in stops]
    lines.append("PARAMETER temperature 0")
    if context is not None:
        lines.append(f"PARAMETER num_ctx {context}")
    return "\n".join(lines) + "\n"


def go_template(slots: Slots, *, bos: str = "") -> str:
    """The strings as a Go template of Ollama's ``.System`` and ``.Messages``."""
    opening = slots.opening.removeprefix(bos) if bos else slots.opening
    parts = [_plain(opening)]
    if slots.has_system:
        before, after = map(_plain, slots.system)
        parts.append(f"{{{{ if .System }}}}{before}{{{{ .System }}}}{after}")
        if slots.default:
            parts.append(f"{{{{ else }}}}{_plain(slots.default)}")
        parts.append("{{ end }}")
    else:
        parts.append(_plain(slots.default))
    user, answer = (tuple(map(_plain, pair)) for pair in (slots.user, slots.answer))
    parts += [
        "{{ range $i, $turn := .Messages }}",
        "{{ $last := eq (len (slice $.Messages $i)) 1 }}",
        '{{ if eq $turn.Role "user" }}',
        f"{user[0]}{{{{ $turn.Content }}}}{user[1]}{{{{ if $last }}}}{answer[0]}{{{{ end }}}}",
        '{{ else if eq $turn.Role "assistant" }}',
        f"{answer[0]}{{{{ $turn.Content }}}}{{{{ if not $last }}}}{answer[1]}{{{{ end }}}}",
        "{{ end }}{{ end }}",
    ]
    return "".join(parts)


def _plain(text: str) -> str:
    """A string as it stands in a Go template between triple quotes."""
    return text.replace("{{", '{{ "{{" }}').replace('"""', '{{ "\\"\\"\\"" }}')

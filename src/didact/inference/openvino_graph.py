"""A LLaMA and its like as a graph of OpenVINO operations, its keys and values within.

Read off a model of transformers: its settings and its weights, every one of which must be used, so
that a model that computes more than this refuses to be one. Whether it also computes what the model
does is the caller's to check. Attention is paged (Kwon et al. 2023, arXiv:2309.06180): keys and
values lie in blocks that are inputs too (named with ``KEPT``), and the new tokens of all rows stand
one after another. Inputs: ``ids`` and ``positions`` of the new tokens, ``begins`` (where those of
each row begin and end), ``past`` (how many tokens the row had before), ``blocks`` and
``block_begins`` (in which blocks the row's tokens lie), ``longest`` (the most tokens of a row) and
``wanted`` (for which of the new tokens logits are wanted).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from didact.errors import ConfigError

__all__ = ["KEPT", "write_graph"]

KEPT = "kept."
"""How the names of the inputs begin that are memory for keys and values."""

Node: TypeAlias = Any
"""What OpenVINO hands over has no types."""


def write_graph(model: Any) -> Any:  # noqa: ANN401 - a model of transformers, a model of OpenVINO
    """The model's graph; ConfigError where it has weights that this is not about."""
    return _Graph(model).whole()


class _Graph:
    def __init__(self, model: Node) -> None:
        self._ov = import_module("openvino")
        self._op = import_module("openvino.opset15")
        self._model = model
        self._config = model.config
        window = getattr(self._config, "sliding_window", None)
        if window and window < self._config.max_position_embeddings:
            raise ConfigError(f"here a token sees no more than {window}")
        self._weights: dict[str, Node] = dict(model.state_dict())
        self._unused = set(self._weights)
        self._heads: int = self._config.num_attention_heads
        self._shared: int = getattr(self._config, "num_key_value_heads", None) or self._heads
        width: int = self._config.hidden_size
        self._size: int = getattr(self._config, "head_dim", None) or width // self._heads
        self._kept: list[Node] = []
        self._ids = self._input("ids", [-1], np.int64)
        self._positions = self._input("positions", [-1], np.int64)
        self._begins = self._input("begins", [-1], np.int32)
        self._past = self._input("past", [-1], np.int32)
        self._blocks = self._input("blocks", [-1], np.int32)
        self._block_begins = self._input("block_begins", [-1], np.int32)
        self._longest = self._input("longest", [], np.int32)
        self._wanted = self._input("wanted", [-1], np.int64)

    def whole(self) -> Node:
        op = self._op
        table = self._weight("model.embed_tokens.weight")
        states = op.gather(table, self._ids, self._whole(0))
        turns = self._turns()
        for layer in range(self._config.num_hidden_layers):
            states = self._layer(f"model.layers.{layer}", states, turns)
        states = op.gather(states, self._wanted, self._whole(0))
        states = self._norm(self._weight("model.norm.weight"), states)
        head = self._weight("lm_head.weight") if "lm_head.weight" in self._weights else table
        logits = op.matmul(states, table if self._config.tie_word_embeddings else head, False, True)
        if self._unused:
            some = ", ".join(sorted(self._unused)[:3])
            raise ConfigError(f"this is no plain LLaMA: it has {some}")
        inputs = [self._ids, self._positions, self._begins, self._past, self._blocks]
        inputs += [self._block_begins, self._longest, self._wanted, *self._kept]
        return self._ov.Model([op.result(logits)], inputs, "model")

    def _layer(self, name: str, states: Node, turns: tuple[Node, Node]) -> Node:
        op = self._op
        normed = self._norm(self._weight(f"{name}.input_layernorm.weight"), states)
        seen = self._attention(*self._heads_of(f"{name}.self_attn", normed, turns))
        states = op.add(states, self._linear([f"{name}.self_attn.o_proj"], seen))
        normed = self._norm(self._weight(f"{name}.post_attention_layernorm.weight"), states)
        both = self._linear([f"{name}.mlp.gate_proj", f"{name}.mlp.up_proj"], normed)
        gate, up = op.split(both, self._whole(-1), 2).outputs()
        inner = op.multiply(op.swish(gate), up)
        return op.add(states, self._linear([f"{name}.mlp.down_proj"], inner))

    def _heads_of(self, name: str, states: Node, turns: tuple[Node, Node]) -> list[Node]:
        """Queries and keys, turned, and values: each tokens x (heads x size)."""
        op = self._op
        heads, shared, size = self._heads, self._shared, self._size
        made = self._linear([f"{name}.{part}_proj" for part in "qkv"], states)
        made = op.reshape(made, self._whole([0, heads + 2 * shared, size]), True)
        both, value = self._cut(made, [heads + shared, shared])
        if f"{name}.q_norm.weight" in self._weights:
            query = np.tile(self._taken(f"{name}.q_norm.weight"), (heads, 1))
            key = np.tile(self._taken(f"{name}.k_norm.weight"), (shared, 1))
            both = self._norm(op.constant(np.concatenate([query, key])), both)
        query, key = self._cut(self._turned(both, turns), [heads, shared])
        return [
            op.reshape(part, self._whole([0, count * size]), True)
            for part, count in ((query, heads), (key, shared), (value, shared))
        ]

    def _cut(self, states: Node, heads: list[int]) -> Sequence[Node]:
        return self._op.variadic_split(states, self._whole(1), self._whole(heads)).outputs()

    def _attention(self, query: Node, key: Node, value: Node) -> Node:
        """What every token sees of its row so far, tokens x (heads x size)."""
        op = self._op
        paged = import_module("openvino.op")._PagedAttentionExtension
        zero = op.constant(np.int32(0))
        none = op.constant(np.zeros(0, np.int32))
        nothing = op.constant(np.zeros(0, np.float32))
        rows = [self._past, self._begins, self._blocks, self._block_begins]
        rest = [none] * 3 + [nothing] * 2  # scores summed up, keys turned later, sparse attention
        rest += [zero, zero, op.constant(np.zeros((0, 0, 0, 0), np.float32))]  # sinks
        rest += [zero, *[none] * 4, op.constant(np.zeros(0, np.uint8)), none]  # blocks thrown out
        scale, window = self._number(self._size**-0.5), zero
        numbers = [scale, window, nothing, self._longest]
        nodes = [query, key, value, self._memory(), self._memory(), *rows, *numbers, *rest]
        made = paged([node if hasattr(node, "get_node") else node.output(0) for node in nodes])
        # From these the plugin takes the shape of the memory.
        for name, number in (("num_{}_heads", self._shared), ("{}_head_size", self._size)):
            for part in "kv":
                made.get_rt_info()[name.format(part)] = number
        return made.output(0)

    def _memory(self) -> Node:
        """Room for keys or values of one layer; the plugin chooses type and shape."""
        name = f"{KEPT}{len(self._kept)}"
        self._kept.append(self._input(name, [-1, -1, -1, -1], self._ov.Type.dynamic))
        return self._kept[-1]

    def _turns(self) -> tuple[Node, Node]:
        """Cosine and sine of the rotations, tokens x 1 x size."""
        op = self._op
        rotary = self._model.model.rotary_emb
        speeds = op.constant(rotary.inv_freq.float().numpy()[None])
        column = op.unsqueeze(op.convert(self._positions, np.float32), self._whole([-1]))
        angles = op.multiply(column, speeds)
        angles = op.unsqueeze(op.concat([angles, angles], -1), self._whole([1]))
        scaling = self._number(float(rotary.attention_scaling))
        return op.multiply(op.cos(angles), scaling), op.multiply(op.sin(angles), scaling)

    def _turned(self, states: Node, turns: tuple[Node, Node]) -> Node:
        op = self._op
        first, second = op.split(states, self._whole(-1), 2).outputs()
        crossed = op.concat([op.negative(second), first], -1)
        return op.add(op.multiply(states, turns[0]), op.multiply(crossed, turns[1]))

    def _norm(self, weight: Node, states: Node) -> Node:
        op = self._op
        mean = op.reduce_mean(op.multiply(states, states), self._whole([-1]), True)
        root = op.sqrt(op.add(mean, self._number(self._config.rms_norm_eps)))
        return op.multiply(op.divide(states, root), weight)

    def _linear(self, names: Sequence[str], states: Node) -> Node:
        """Projections, side by side: one large product keeps the processor busier than several."""
        op = self._op
        weights = np.concatenate([self._taken(f"{name}.weight") for name in names])
        made = op.matmul(states, op.constant(weights), False, True)
        if f"{names[0]}.bias" in self._weights:
            biases = np.concatenate([self._taken(f"{name}.bias") for name in names])
            made = op.add(made, op.constant(biases))
        return made

    def _weight(self, name: str) -> Node:
        return self._op.constant(self._taken(name), shared_memory=True)

    def _taken(self, name: str) -> NDArray[np.float32]:
        if name not in self._weights:
            raise ConfigError(f"this is no plain LLaMA: it has no {name}")
        self._unused.discard(name)
        if self._config.tie_word_embeddings:
            self._unused.discard("lm_head.weight")
        return self._weights[name].float().numpy()

    def _input(self, name: str, shape: list[int], kind: Node) -> Node:
        made = self._op.parameter(shape, kind, name=name)
        made.output(0).get_tensor().set_names({name})
        return made

    def _whole(self, value: int | list[int]) -> Node:
        return self._op.constant(np.array(value, np.int64))

    def _number(self, value: float) -> Node:
        return self._op.constant(np.float32(value))

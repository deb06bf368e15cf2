"""A LLaMA and its like as a graph of OpenVINO operations, its keys and values within.

Read off a model of transformers: its settings and its weights, every one of which must be used, so
that a model that computes more than this refuses to be one. Whether it also computes what the model
does is the caller's to check. Inputs: ``ids`` (rows x columns), ``mask`` (added to the scores, rows
x 1 x columns x all columns so far), ``positions``, ``rows`` (which rows of the batch before go on)
and ``last`` (at how many columns logits are wanted).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from didact.errors import ConfigError

__all__ = ["write_graph"]

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
        self._weights: dict[str, Node] = dict(model.state_dict())
        self._unused = set(self._weights)
        self._heads: int = self._config.num_attention_heads
        self._shared: int = getattr(self._config, "num_key_value_heads", None) or self._heads
        width: int = self._config.hidden_size
        self._size: int = getattr(self._config, "head_dim", None) or width // self._heads
        self._kept: list[Node] = []
        self._ids = self._input("ids", [-1, -1], np.int64)
        self._mask = self._input("mask", [-1, 1, -1, -1], np.float32)
        self._positions = self._input("positions", [-1, -1], np.int64)
        self._rows = self._input("rows", [-1], np.int32)
        self._last = self._input("last", [1], np.int64)

    def whole(self) -> Node:
        op = self._op
        table = self._weight("model.embed_tokens.weight")
        states = op.gather(table, self._ids, self._whole(0))
        turns = self._turns()
        for layer in range(self._config.num_hidden_layers):
            states = self._layer(f"model.layers.{layer}", states, turns)
        first = op.negative(self._last)
        end = self._whole([2**31 - 1])
        states = op.slice(states, first, end, self._whole([1]), self._whole([1]))
        states = self._norm(self._weight("model.norm.weight"), states)
        head = self._weight("lm_head.weight") if "lm_head.weight" in self._weights else table
        logits = op.matmul(states, table if self._config.tie_word_embeddings else head, False, True)
        if self._unused:
            some = ", ".join(sorted(self._unused)[:3])
            raise ConfigError(f"this is no plain LLaMA: it has {some}")
        inputs = [self._ids, self._mask, self._positions, self._rows, self._last]
        return self._ov.Model([op.result(logits)], self._kept, inputs, "model")

    def _layer(self, name: str, states: Node, turns: tuple[Node, Node]) -> Node:
        op = self._op
        normed = self._norm(self._weight(f"{name}.input_layernorm.weight"), states)
        attention = f"{name}.self_attn"
        query, key, value = self._heads_of(attention, normed, turns)
        key = self._grown(f"{name}.keys", key)
        value = self._grown(f"{name}.values", value)
        scale = self._number(self._size**-0.5)
        seen = op.scaled_dot_product_attention(
            query, self._spread(key), self._spread(value), self._mask, scale
        )
        seen = op.transpose(seen, self._whole([0, 2, 1, 3]))
        seen = op.reshape(seen, self._whole([0, 0, self._heads * self._size]), True)
        states = op.add(states, self._linear([f"{attention}.o_proj"], seen))
        normed = self._norm(self._weight(f"{name}.post_attention_layernorm.weight"), states)
        both = self._linear([f"{name}.mlp.gate_proj", f"{name}.mlp.up_proj"], normed)
        gate, up = op.split(both, self._whole(-1), 2).outputs()
        inner = op.multiply(op.swish(gate), up)
        return op.add(states, self._linear([f"{name}.mlp.down_proj"], inner))

    def _heads_of(self, name: str, states: Node, turns: tuple[Node, Node]) -> Sequence[Node]:
        """Queries and keys, turned, and values: each rows x heads x columns x size."""
        op = self._op
        heads, shared = self._heads, self._shared
        made = self._linear([f"{name}.{part}_proj" for part in "qkv"], states)
        made = op.reshape(made, self._whole([0, 0, heads + 2 * shared, self._size]), True)
        made = op.transpose(made, self._whole([0, 2, 1, 3]))
        both, value = self._cut(made, [heads + shared, shared])
        if f"{name}.q_norm.weight" in self._weights:
            query = np.tile(self._taken(f"{name}.q_norm.weight"), (heads, 1, 1))
            key = np.tile(self._taken(f"{name}.k_norm.weight"), (shared, 1, 1))
            both = self._norm(op.constant(np.concatenate([query, key])), both)
        query, key = self._cut(self._turned(both, turns), [heads, shared])
        return query, key, value

    def _cut(self, states: Node, heads: list[int]) -> Sequence[Node]:
        return self._op.variadic_split(states, self._whole(1), self._whole(heads)).outputs()

    def _grown(self, name: str, new: Node) -> Node:
        """What was kept of the rows that go on, and the new columns; kept for the next pass."""
        op = self._op
        heads, size = self._shared, self._size
        info = import_module("openvino.op.util").VariableInfo()
        info.data_shape = self._ov.PartialShape([-1, heads, -1, size])
        info.data_type = self._ov.Type.f32
        info.variable_id = name
        variable = import_module("openvino.op.util").Variable(info)
        rows = op.gather(op.shape_of(self._ids), self._whole([0]), self._whole(0))
        nothing = op.concat([rows, self._whole([heads, 0, size])], 0)
        before = op.read_value(op.broadcast(self._number(0.0), nothing), variable)
        whole = op.concat([op.gather(before, self._rows, self._whole(0)), new], 2)
        self._kept.append(op.assign(whole, variable))
        return whole

    def _spread(self, states: Node) -> Node:
        """Keys or values that several heads share, once for each of them."""
        if self._shared == self._heads:
            return states
        op = self._op
        states = op.unsqueeze(states, self._whole([2]))
        copies = self._whole([1, 1, self._heads // self._shared, 1, 1])
        states = op.broadcast(states, copies, broadcast_spec="BIDIRECTIONAL")
        return op.reshape(states, self._whole([0, self._heads, -1, self._size]), True)

    def _turns(self) -> tuple[Node, Node]:
        """Cosine and sine of the rotations, rows x 1 x columns x size."""
        op = self._op
        rotary = self._model.model.rotary_emb
        speeds = op.constant(rotary.inv_freq.float().numpy()[None, None])
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

    def _input(self, name: str, shape: list[int], kind: type) -> Node:
        made = self._op.parameter(shape, kind, name=name)
        made.output(0).get_tensor().set_names({name})
        return made

    def _whole(self, value: int | list[int]) -> Node:
        return self._op.constant(np.array(value, np.int64))

    def _number(self, value: float) -> Node:
        return self._op.constant(np.float32(value))

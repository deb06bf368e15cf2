"""The weights that pre-training starts from: a circuit that repeats what stands in the text.

Looking back and copying ("induction", Olsson et al. 2022) is what few-shot prompting and most tasks
of the microworld rest on. From random weights it takes a model this small more tokens than two CPU
cores see in an hour; every measured trial without it knew words after five million tokens, but not
how to repeat a line. So the first layer starts with heads that look at the token before, and the
second with heads that look for the token that followed the same one. Training changes them freely.

The circuit lives in a layout of the hidden state: coordinate 0 is the same for every token (a head
without biases needs a constant to look at a fixed distance), the next are for the token before, and
the rest is the token itself.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from pretrain import Model

SCALE = 0.5
"""Standard deviation of an embedding: so large that a step of Adam changes a token by little."""
CONSTANT = 4.0
"""The constant coordinate, in units of SCALE."""
BEFORE = 2
"""Heads of the first layer that look at the token before."""
NEAR = (4.0, 3.0, 2.0, 1.0, 1.0, 1.0, 0.5, 0.5)
"""Weight of each rotary frequency in finding the token before: fast ones tell neighbours apart."""
SHARP = 26.0
"""Attention logit of the token before."""
SLOW = 0.006
"""Rotary rates under this hardly turn within the context, and can tell that tokens are equal."""


@torch.no_grad()
def start(model: Model) -> None:
    """Fills in random weights, then the circuit."""
    for name, weight in model.named_parameters():
        if weight.dim() == 2 and name != "embed_tokens.weight":
            quiet = 0.2 if name.endswith(("o_proj.weight", "down_proj.weight")) else 1.0
            nn.init.normal_(weight, std=quiet / math.sqrt(weight.shape[1]))
    nn.init.normal_(model.embed_tokens.weight, std=SCALE)
    # The head is the embedding: without this the first logits would be far too sure.
    model.norm.weight.fill_(0.05 / SCALE)
    heads = len(model.layers[0].self_attn["q_proj"].weight) // model.size
    rates = model.rates
    first = 1 + BEFORE * model.size
    model.embed_tokens.weight[:, 0] = CONSTANT * SCALE
    model.embed_tokens.weight[:, 1:first] = 0
    look_before(model, rates, first)
    look_for_the_same(model, rates, first, heads)


def look_before(model: Model, rates: torch.Tensor, first: int) -> None:
    """Heads of the first layer that bring part of the token before into the coordinates for it."""
    size, heads = model.size, model.layers[0].self_attn
    near = torch.zeros(size // 2)
    near[: len(NEAR)] = torch.tensor(NEAR)
    pull = (SHARP * math.sqrt(size) * near / near.sum()).sqrt()
    constant = CONSTANT / math.sqrt(1 + CONSTANT**2 / len(model.norm.weight))
    for head in range(BEFORE):
        rows = slice(head * size, (head + 1) * size)
        soften(heads, rows)
        # A query turned back by one position equals the key one position before it.
        turned = torch.cat((pull * torch.cos(rates), pull * torch.sin(rates)))
        heads["q_proj"].weight[rows, 0] += torch.cat((pull, torch.zeros(size // 2))) / constant
        heads["k_proj"].weight[rows, 0] += turned / constant
        for i in range(head * size, (head + 1) * size):
            heads["v_proj"].weight[i, first + i] += 1.0
            heads["o_proj"].weight[1 + i, i] += 1.5 * SCALE


def look_for_the_same(model: Model, rates: torch.Tensor, first: int, heads: int) -> None:
    """Heads of the second layer that find where this token stood before and write what followed."""
    size, layer = model.size, model.layers[1].self_attn
    slow = torch.arange(size // 2)[rates < SLOW]
    slow = torch.cat((slow, slow + size // 2)).tolist()
    width = len(model.norm.weight) - first
    for head in range(min(heads, BEFORE * size // len(slow))):
        rows = slice(head * size, (head + 1) * size)
        soften(layer, rows)
        for i, turning in enumerate(slow, start=head * len(slow)):
            layer["q_proj"].weight[head * size + turning, first + i] += 2.2
            layer["k_proj"].weight[head * size + turning, 1 + i] += 2.2
        for i in range(head * size, (head + 1) * size):
            layer["v_proj"].weight[i, first + i % width] += 1.0
            layer["o_proj"].weight[first + i % width, i] += 3.0 * SCALE


def soften(heads: nn.ModuleDict, rows: slice) -> None:
    """Turns the random part of a head down, so that its circuit stands out."""
    for name in ("q_proj", "k_proj", "v_proj"):
        heads[name].weight[rows] *= 0.1
    heads["o_proj"].weight[:, rows] *= 0.1

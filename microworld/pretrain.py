"""Pre-trains the embedded model: a LLaMA of about four million parameters on two CPU cores.

bf16 autocast, packed rows with no padding, cross-entropy in chunks, AdamW, a short warm-up and a
linear fall to zero. ``make embedded-model`` repeats it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from data import (
    VOCABULARY,
    read_reserved,
    rows_of_tokens,
    train_tokenizer,
    write_wordings,
)
from documents import Writer
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

WIDTH, LAYERS, HEADS, INNER, POSITIONS = 224, 6, 7, 608, 512
SHORT = 128
"""Length of the rows at the beginning, where the model learns only to look back and copy."""


class Block(nn.Module):
    """One LLaMA layer with the parameter names of transformers."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn = nn.ModuleDict(
            {
                n: nn.Linear(WIDTH, WIDTH, bias=False)
                for n in ("q_proj", "k_proj", "v_proj", "o_proj")
            }
        )
        self.mlp = nn.ModuleDict(
            {
                "gate_proj": nn.Linear(WIDTH, INNER, bias=False),
                "up_proj": nn.Linear(WIDTH, INNER, bias=False),
                "down_proj": nn.Linear(INNER, WIDTH, bias=False),
            }
        )
        self.input_layernorm = nn.RMSNorm(WIDTH, eps=1e-6)
        self.post_attention_layernorm = nn.RMSNorm(WIDTH, eps=1e-6)

    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        rows, length, _ = x.shape
        h = self.input_layernorm(x)
        q, k, v = (
            self.self_attn[n](h).view(rows, length, HEADS, -1).transpose(1, 2)
            for n in ("q_proj", "k_proj", "v_proj")
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.self_attn["o_proj"](mixed.transpose(1, 2).reshape(rows, length, WIDTH))
        h = self.post_attention_layernorm(x)
        return x + self.mlp["down_proj"](F.silu(self.mlp["gate_proj"](h)) * self.mlp["up_proj"](h))


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary positions as transformers lays them out: halves, not pairs."""
    left, right = x.chunk(2, dim=-1)
    return (x * cos + torch.cat((-right, left), dim=-1) * sin).to(x.dtype)


class Model(nn.Module):
    """The decoder; the head is the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.RMSNorm(WIDTH, eps=1e-6)
        half = WIDTH // HEADS // 2
        rates = 10000.0 ** (-torch.arange(half) / half)
        angles = torch.outer(torch.arange(POSITIONS), rates)
        angles = torch.cat((angles, angles), dim=-1)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                scale = (
                    0.02 / math.sqrt(2 * LAYERS)
                    if name.endswith(("o_proj.weight", "down_proj.weight"))
                    else 0.02
                )
                nn.init.normal_(weight, std=scale)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embed_tokens(ids)
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.norm(x)

    def loss(self, ids: torch.Tensor, *, chunk: int = 2048) -> torch.Tensor:
        """Mean next-token loss; the logits of one chunk exist at a time."""
        hidden = self(ids[:, :-1]).flatten(0, 1)
        targets = ids[:, 1:].flatten()
        total = hidden.new_zeros((), dtype=torch.float32)
        for at in range(0, len(targets), chunk):
            logits = F.linear(hidden[at : at + chunk], self.embed_tokens.weight)
            total = total + F.cross_entropy(
                logits.float(), targets[at : at + chunk], reduction="sum"
            )
        return total / len(targets)


def optimizer(model: Model) -> torch.optim.Optimizer:
    """AdamW; Muon, tried at this batch size, had not learned to copy after four million tokens."""
    return torch.optim.AdamW(
        model.parameters(), lr=2e-3, betas=(0.9, 0.95), weight_decay=0.01, fused=True
    )


def save(model: Model, out: Path) -> None:
    """The weights as a transformers model in bf16, the size of the package's limit halved."""
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=HEADS, max_position_embeddings=POSITIONS,
        rms_norm_eps=1e-6, rope_theta=10000.0, tie_word_embeddings=True, bos_token_id=None,
        eos_token_id=0, pad_token_id=1, dtype="bfloat16",
    )  # fmt: skip
    llama = LlamaForCausalLM(config)
    state = {f"model.{name}": weight for name, weight in model.state_dict().items()}
    state = {name: weight.detach().clone() for name, weight in state.items()}
    missing, unexpected = llama.load_state_dict(state, strict=False)
    assert not unexpected, unexpected
    assert missing in ([], ["lm_head.weight"]), missing
    llama.tie_weights()
    llama.to(torch.bfloat16).save_pretrained(out)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--tokens", type=float, default=18e6)
    arguments.add_argument("--rows", type=int, default=12, help="rows of 512 tokens in a step")
    arguments.add_argument(
        "--minutes", type=float, default=120, help="the learning rate is zero then"
    )
    arguments.add_argument("--copybook", type=int, default=0, help="steps of copying only")
    options = arguments.parse_args()
    torch.manual_seed(0)
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer(options.out)
    heldout = Path(__file__).parent.parent / "src" / "didact" / "embedded" / "heldout.jsonl"
    reserved = read_reserved(heldout)
    held = next(
        rows_of_tokens(tokenizer, Writer(seed=2, reserved=reserved).documents(), 24, POSITIONS)
    )
    train(Model(), tokenizer, Writer(seed=0, reserved=reserved), torch.from_numpy(held), options)


def train(model: Model, tokenizer, writer: Writer, held: torch.Tensor, options) -> None:
    """One pass over pages that are written while it trains: no page is seen twice."""
    per_step = options.rows * POSITIONS
    steps = int(options.tokens // per_step)
    count = sum(p.numel() for p in model.parameters())
    print(f"{count:,} parameters, {steps} steps of {per_step} tokens", flush=True)
    adam = optimizer(model)
    peak = adam.param_groups[0]["lr"]
    started, losses = time.time(), []
    pages = itertools.chain(
        itertools.islice(
            rows_of_tokens(tokenizer, writer.copybook(), per_step // SHORT, SHORT + 1),
            options.copybook,
        ),
        rows_of_tokens(tokenizer, writer.documents(), options.rows, POSITIONS + 1),
    )
    log = (options.out / "pretraining.jsonl").open("w")
    for step, batch in zip(range(steps), pages, strict=False):
        # Time decides the end: a slower machine falls to zero earlier instead of stopping short.
        share = max(step / steps, (time.time() - started) / (options.minutes * 60))
        if share >= 1:
            break
        adam.param_groups[0]["lr"] = peak * min(1.0, (step + 1) / 100) * (1 - share)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model.loss(torch.from_numpy(batch))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        adam.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if step % 25 == 24 or step in (2, 9):
            seen, seconds = (step + 1) * per_step, time.time() - started
            row = {
                "step": step + 1,
                "parameters": count,
                "tokens": seen,
                "loss": round(float(np.mean(losses[-25:])), 4),
                "tokens_per_second": round(seen / seconds),
                "share": round(share, 3),
            }
            if step % 200 == 199:
                row["held_loss"] = round(evaluate(model, held), 4)
                save(model, options.out)
            print(json.dumps(row), flush=True)
            log.write(json.dumps(row) + "\n")
            log.flush()
    final = evaluate(model, held)
    print(f"held-out loss {final:.4f} after {(time.time() - started) / 60:.0f} minutes")
    save(model, options.out)
    write_wordings(writer.wordings, options.out / "wordings.npy")


@torch.no_grad()
def evaluate(model: Model, held: torch.Tensor) -> float:
    """Mean loss on pages of another seed."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return float(np.mean([model.loss(part).item() for part in held.split(8)]))


if __name__ == "__main__":
    main()

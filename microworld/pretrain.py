"""Pre-trains the embedded model: a LLaMA of about four million parameters on two CPU cores.

bf16 autocast, packed rows with no padding, cross-entropy in chunks, AdamW, a short warm-up and a
linear fall to zero, one process on each core. ``make embedded-model`` repeats it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
import torch.distributed as dist
import torch.nn.functional as F
from data import VOCABULARY, read_reserved, rows_of_tokens, train_tokenizer, write_wordings
from documents import Writer
from start import start
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WIDTH, LAYERS, HEADS, INNER, POSITIONS = 224, 6, 7, 608, 512
THETA = 1e5
"""Base of the rotary positions: half of the frequencies hardly turn within the context."""
SHORT, LONG_FROM = 256, 0.75
"""Rows have this length until this share of the time has gone; then that of the context."""
ANSWERS = 4.0
"""Weight of a token of an answer: around it stand names and words that only chance decides."""
HELD_SEED = 2
HELDOUT = Path(__file__).parent.parent / "src" / "didact" / "embedded" / "heldout.jsonl"


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
        # For rows this short the plain product is faster on a CPU than the fused kernel.
        weights = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        future = torch.full((length, length), -math.inf, dtype=weights.dtype).triu(1)
        mixed = torch.softmax(weights + future, dim=-1).to(v.dtype) @ v
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
        self.size = WIDTH // HEADS
        self.rates = THETA ** (-torch.arange(self.size // 2) / (self.size // 2))
        angles = torch.outer(torch.arange(POSITIONS), self.rates)
        angles = torch.cat((angles, angles), dim=-1)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        start(self)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embed_tokens(ids)
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.norm(x)

    def loss(
        self, ids: torch.Tensor, answers: torch.Tensor, *, weight: float = 1.0, chunk: int = 2048
    ) -> torch.Tensor:
        """Mean next-token loss, answers weighted; the logits of one chunk exist at a time."""
        hidden = self(ids[:, :-1]).flatten(0, 1)
        targets = ids[:, 1:].flatten()
        weights = 1 + (weight - 1) * answers[:, 1:].flatten().float()
        total = hidden.new_zeros((), dtype=torch.float32)
        for at in range(0, len(targets), chunk):
            part = slice(at, at + chunk)
            logits = F.linear(hidden[part], self.embed_tokens.weight)
            nats = F.cross_entropy(logits.float(), targets[part], reduction="none")
            total = total + (nats * weights[part]).sum()
        return total / weights.sum()


def save(model: Model, out: Path) -> None:
    """The weights as a transformers model in bf16, the size of the package's limit halved."""
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=HEADS, max_position_embeddings=POSITIONS,
        rms_norm_eps=1e-6, rope_theta=THETA, tie_word_embeddings=True, bos_token_id=None,
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
    arguments.add_argument("--minutes", type=float, default=60)
    arguments.add_argument("--processes", type=int, default=2)
    arguments.add_argument("--batch", type=int, default=3072, help="tokens in a step of a process")
    arguments.add_argument(
        "--seed", type=int, default=100, help="of the pages; 1 and 2 belong to other pages"
    )
    arguments.add_argument("--from-model", type=Path, help="go on from these weights")
    arguments.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    train_tokenizer(options.out)
    torch.multiprocessing.spawn(train, (options,), nprocs=options.processes)
    folders = [options.out, *([options.from_model] if options.from_model else [])]
    parts = [np.load(path) for folder in folders for path in folder.glob("wordings-*.npy")]
    np.save(options.out / "wordings.npy", np.unique(np.concatenate(parts)))


def train(rank: int, options: argparse.Namespace) -> None:
    """One process: one pass over pages that are written while it trains, none seen twice."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    meeting = f"file://{(options.out / 'meeting').absolute()}"
    dist.init_process_group("gloo", meeting, rank=rank, world_size=options.processes)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(options.out)
    reserved = read_reserved(HELDOUT)
    model = Model()
    if options.from_model:
        model.load_state_dict(read(options.from_model))
    adam = torch.optim.AdamW(
        model.parameters(), lr=0.0, betas=(0.9, 0.95), weight_decay=0.01, fused=True
    )
    held_pages = Writer(HELD_SEED, reserved).documents()
    held = tuple(map(torch.from_numpy, next(rows_of_tokens(tokenizer, held_pages, 24, POSITIONS))))
    writer = Writer(options.seed + rank, reserved)
    pages = {
        length: rows_of_tokens(tokenizer, writer.documents(), options.batch // length, length + 1)
        for length in (SHORT, POSITIONS)
    }
    count = sum(p.numel() for p in model.parameters())
    log = (options.out / "pretraining.jsonl").open("w") if rank == 0 else None
    started, share, step, tokens, losses = time.time(), 0.0, 0, 0, []
    while share < 1:
        rate = options.rate * min(1.0, (step + 1) / 100) * (1 - share)
        adam.param_groups[0]["lr"] = rate
        batch = next(pages[SHORT if share < LONG_FROM else POSITIONS])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model.loss(*map(torch.from_numpy, batch), weight=ANSWERS)
        loss.backward()
        # Time decides the end: a slower machine falls to zero earlier instead of stopping short.
        share = average(model, (time.time() - started) / (options.minutes * 60))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        adam.zero_grad(set_to_none=True)
        step, tokens = step + 1, tokens + options.batch * options.processes
        losses.append(loss.item())
        if step % 50 == 0 or share >= 1:
            row = {
                "step": step,
                "parameters": count,
                "tokens": tokens,
                "loss": round(float(np.mean(losses[-50:])), 4),
                "tokens_per_second": round(tokens / (time.time() - started)),
                "share": round(share, 3),
            }
            if log is not None:
                if step % 500 == 0 or share >= 1:
                    row["held_loss"], row["answer_loss"] = evaluate(model, *held)
                    row["first_copy"], row["second_copy"] = copying(model, tokenizer)
                    save(model, options.out)
                print(json.dumps(row), flush=True)
                log.write(json.dumps(row) + "\n")
                log.flush()
            if step % 500 == 0 or share >= 1:
                write_wordings(writer.wordings, options.out / f"wordings-{rank}.npy")


def read(path: Path) -> dict[str, torch.Tensor]:
    """Weights that ``save`` wrote, to go on from."""
    saved = safetensors.torch.load_file(path / "model.safetensors")
    return {name.removeprefix("model."): weight.float() for name, weight in saved.items()}


def average(model: Model, share: float) -> float:
    """Averages the gradients over the processes, and their clocks, so that all stay the same."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([*(grad.flatten() for grad in grads), torch.tensor([share])])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    parts = flat[:-1].split([grad.numel() for grad in grads])
    for grad, part in zip(grads, parts, strict=True):
        grad.copy_(part.view_as(grad))
    return float(flat[-1])


@torch.no_grad()
def evaluate(model: Model, ids: torch.Tensor, answers: torch.Tensor) -> tuple[float, float]:
    """Mean loss on pages of another seed, and that of their answers alone."""
    sums = np.zeros(4)
    for part, inside in zip(ids.split(8), answers.split(8), strict=True):
        nats = F.cross_entropy(
            F.linear(model(part[:, :-1]), model.embed_tokens.weight).flatten(0, 1),
            part[:, 1:].flatten(),
            reduction="none",
        )
        told = inside[:, 1:].flatten()
        sums += (nats.sum().item(), len(nats), nats[told].sum().item(), told.sum().item())
    return round(sums[0] / sums[1], 4), round(sums[2] / sums[3], 4)


@torch.no_grad()
def copying(model: Model, tokenizer: PreTrainedTokenizerFast) -> tuple[float, float]:
    """Nats per token of a line when it is seen first, and when it comes again."""
    writer, first, second, count = Writer(HELD_SEED), 0.0, 0.0, 0
    for _ in range(24):
        line = writer.line()
        length = len(tokenizer.encode(line)) - 1
        ids = torch.tensor([tokenizer.encode(f"{line}\nAgain:\n{line}")])
        hidden = model(ids[:, :-1])[0]
        nats = F.cross_entropy(
            F.linear(hidden, model.embed_tokens.weight), ids[0, 1:], reduction="none"
        )
        first, second = first + nats[:length].sum().item(), second + nats[-length:].sum().item()
        count += length
    return round(first / count, 3), round(second / count, 3)


if __name__ == "__main__":
    main()

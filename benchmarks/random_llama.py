"""The model of the benchmarks: a random LLaMA of any size, its tokenizer made for made-up words."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "bdfgklmnprst"]
END = "<|end|>"


def write_llama(
    directory: Path,
    *,
    width: int = 256,
    inner: int = 704,
    layers: int = 6,
    heads: int = 8,
    vocabulary: int = 2048,
    ends: bool = True,
    decided: float = 1.0,
    template: str | None = None,
) -> int:
    """Write the model; the number of its parameters.

    Random weights are nearly undecided between all tokens; a trained model is not, and how wide a
    nucleus is decides what drawing from it costs: ``decided`` scales the logits. Without ``ends``
    no token ends a text, so that every way of generating makes the same number of tokens.
    """
    draw = random.Random(0)
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END, "<|pad|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    corpus = [" ".join(draw.choices(WORDS, k=40)) for _ in range(2000)]
    backend.train_from_iterator([*corpus, template or ""], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token=END if ends else None, pad_token="<|pad|>"
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(directory)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0 if ends else None,
        pad_token_id=1,
    )
    model = LlamaForCausalLM(config)
    model.model.norm.weight.data.mul_(decided)
    model.save_pretrained(directory)
    return sum(weight.numel() for weight in model.parameters())

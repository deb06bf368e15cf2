"""A random two-layer LLaMA with a tokenizer of its own, written in a second."""

from __future__ import annotations

import random
from pathlib import Path

SYLLABLES = ["ba", "do", "ki", "lu", "me", "no", "ri", "sa", "tu", "ve"]


def write_tiny_model(
    directory: Path, *, chat_template: str | None = None, positions: int = 512, seed: int = 0
) -> Path:
    """A model directory, ready to be loaded."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    draw = random.Random(0)
    corpus = [" ".join("".join(draw.choices(SYLLABLES, k=2)) for _ in range(12)) for _ in range(99)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=384,
            special_tokens=["<|end|>"],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|end|>"
    )
    fast.chat_template = chat_template
    fast.save_pretrained(directory)
    config = transformers.LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=positions,
        bos_token_id=None,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
    )
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    model = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4 if weight.dim() > 1 else 1)  # logits far enough apart not to tie
    torch.random.set_rng_state(state)
    transformers.logging.disable_progress_bar()
    model.save_pretrained(directory)
    return directory

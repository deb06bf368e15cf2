"""A random two-layer LLaMA with a tokenizer of its own, written in a second."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

SYLLABLES = ["ba", "do", "ki", "lu", "me", "no", "ri", "sa", "tu", "ve"]


def write_tiny_model(
    directory: Path,
    *,
    chat_template: str | None = None,
    positions: int = 512,
    seed: int = 0,
    width: int = 32,
    pad: str = "<|end|>",
    scale: float = 4.0,
    tied: bool = False,
    vocabulary: int | None = None,
    corpus: Sequence[str] = (),
) -> Path:
    """A model directory, ready to be loaded; scaled up, its logits are too far apart to tie."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    draw = random.Random(0)
    corpus = corpus or [
        " ".join("".join(draw.choices(SYLLABLES, k=2)) for _ in range(12)) for _ in range(99)
    ]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=vocabulary or 384,
            special_tokens=list(dict.fromkeys(["<|end|>", pad])),
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", pad_token=pad
    )
    fast.chat_template = chat_template
    fast.save_pretrained(directory)
    config = transformers.LlamaConfig(
        vocab_size=vocabulary or len(fast),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2 if tied else 1,
        tie_word_embeddings=tied,
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
            weight.mul_(scale if weight.dim() > 1 else 1)
    torch.random.set_rng_state(state)
    transformers.logging.disable_progress_bar()
    model.save_pretrained(directory)
    return directory

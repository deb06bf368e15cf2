"""A random LLaMA of 100,000 weights with a byte-level tokenizer, in a directory like any other."""

from pathlib import Path

from didact.records import Example, Origin

STOP = "<|end|>"
PAIRS = [("hot", "cold"), ("big", "small"), ("wet", "dry"), ("old", "young and new")] * 2
EXAMPLES = [
    Example.single(
        "Say the opposite." if number < 4 else "Which word means the opposite of this one?",
        answer,
        input=word,
        origin=Origin(recipe="test"),
    )
    for number, (word, answer) in enumerate(PAIRS)
]


def save(path: Path, *, context: int = 256) -> Path:
    """Write the model to ``path``."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=[STOP, "<|pad|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["### Instruction:\nSay the opposite.\n\n### Response:\n"], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token=STOP, pad_token="<|pad|>"
    )
    tokenizer.save_pretrained(path)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=320,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    return path

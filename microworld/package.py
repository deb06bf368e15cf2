"""Puts a pre-trained model into the package: weights, tokenizer, wordings, model card.

    python microworld/package.py OUT [OUT...]

Several folders are the parts of one training, the last of them with the weights.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "wordings.npy",
)
CARD = """# The embedded model

A base language model that ships with didact, so that the whole loop runs on a laptop without a GPU,
a key or a network. It continues text; it does not follow instructions until it is tuned.

| | |
|---|---|
| architecture | LLaMA, {parameters:,} parameters (224 wide, 6 layers, 7 heads), tied, bf16 |
| tokenizer | byte-level BPE of 2,048, digits one by one |
| context | 512 tokens |
| start | heads that look at the token before, and for what followed the same one (`start.py`) |
| pre-training | {tokens} tokens of pages by `microworld/documents.py`, none seen twice |
| loss | {loss} nats a token on held-out pages, {answers} on their answers |
| text of third parties | none |
| licence | Apache-2.0, as the rest of didact |

It knows one small world: everyday animals, foods, places, people, numbers, and some 120 families of
language tasks about them. It is of no use for anything outside that world. Families of tasks are
split: `seed_tasks.jsonl` shows some, `heldout.jsonl` tests the others, and the items of the test
were kept out of the pages to the letter. The pages are not in the format used for fine-tuning.
`wordings.npy` holds 32-bit hashes of every instruction on a page, so that a run can say which of
the instructions a model wrote are new.

These weights were trained in two parts: first with every token weighted alike, then with those
of answers weighted four times. `make embedded-model` trains in one part, weighted so throughout.
"""


def main() -> None:
    parts = [Path(argument) for argument in sys.argv[1:]]
    target = Path(__file__).parent.parent / "src" / "didact" / "embedded"
    for name in FILES:
        shutil.copy(parts[-1] / name, target / name)
    logs = [(part / "pretraining.jsonl").read_text().splitlines() for part in parts]
    # Only rows with a held-out loss stand for weights that were saved.
    saved = [[row for row in map(json.loads, log) if "held_loss" in row][-1] for log in logs]
    card = CARD.format(
        parameters=saved[-1]["parameters"],
        tokens=" and ".join(f"{row['tokens']:,}" for row in saved),
        loss=saved[-1]["held_loss"],
        answers=saved[-1]["answer_loss"],
    )
    (target / "README.md").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()

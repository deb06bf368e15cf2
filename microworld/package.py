"""Puts a pre-trained model into the package: weights, tokenizer, wordings, model card."""

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
| pre-training | {tokens:,} tokens of pages by `microworld/documents.py`, none seen twice |
| loss | {loss} on held-out pages |
| text of third parties | none |
| licence | Apache-2.0, as the rest of didact |

It knows one small world: everyday animals, foods, places, people, numbers, and some 120 families of
language tasks about them. It is of no use for anything outside that world. Families of tasks are
split: `seed_tasks.jsonl` shows some, `heldout.jsonl` tests the others, and the items of the test
were kept out of the pages to the letter. The pages are not in the format used for fine-tuning.
`wordings.npy` holds 32-bit hashes of every instruction on a page, so that a run can say which of
the instructions a model wrote are new. `make embedded-model` repeats all of this.
"""


def main() -> None:
    made = Path(sys.argv[1])
    target = Path(__file__).parent.parent / "src" / "didact" / "embedded"
    for name in FILES:
        shutil.copy(made / name, target / name)
    rows = [json.loads(line) for line in (made / "pretraining.jsonl").read_text().splitlines()]
    loss = [row["held_loss"] for row in rows if "held_loss" in row][-1]
    card = CARD.format(parameters=rows[0]["parameters"], tokens=rows[-1]["tokens"], loss=loss)
    (target / "README.md").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()

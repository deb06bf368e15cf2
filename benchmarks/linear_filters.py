"""What a novelty filter of another project costs a candidate, beside ours: prints ratios.

    python benchmarks/linear_filters.py [--pool 3000]

Both compare a candidate with everything that was kept, one by one in Python, so that their cost
grows with the pool: it is measured on a small one and stated for one comparison. ``camel`` is the
ROUGE filter of camel's Self-Instruct (camel-ai), ``data-juicer`` the novelty test of its generator
of questions (py-data-juicer); a package that is not installed is left out. Ours is the index on the
same pool, one candidate a call.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from instructions import stream

from didact.text.novelty_index import NoveltyIndex

# The package `rouge`, which both use, and not the benchmark of that name.
sys.path.append(sys.path.pop(0))


def camel(pool: Sequence[str]) -> Callable[[str], object]:
    from camel.datagen.self_instruct.filter.filter_function import RougeSimilarityFilter

    # Its threshold is never reached, so that it looks at the whole pool.
    return RougeSimilarityFilter(list(pool), threshold=1.1).apply


def data_juicer(pool: Sequence[str]) -> Callable[[str], object]:
    from data_juicer.ops.mapper import generate_qa_from_examples_mapper as module

    # Without its language model.
    mapper = module.GenerateQAFromExamplesMapper.__new__(module.GenerateQAFromExamplesMapper)
    mapper.qa_pair_template = "{}{}"
    references = [[(text, "")] for text in pool]
    return lambda text: mapper._max_rouge_l_score([(text, "")], references)


def ours(pool: Sequence[str]) -> Callable[[str], object]:
    index = NoveltyIndex(0.7)
    for text in pool:
        index.add(text)
    index.nearest(pool[0])
    return index.nearest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pool", type=int, default=3_000)
    parser.add_argument("--candidates", type=int, default=4)
    options = parser.parse_args()
    texts = [text for text in stream(options.pool + options.candidates)[0] if text.split()]
    pool, candidates = texts[: options.pool], texts[-options.candidates :]
    took: dict[str, float] = {}
    for peer in (ours, camel, data_juicer):
        name = peer.__name__.replace("_", "-")
        try:
            judge = peer(pool)
        except ImportError as error:
            print(f"{name}: left out ({error})")
            continue
        repeats = 500 if peer is ours else 1
        start = time.process_time()
        for _ in range(repeats):
            for text in candidates:
                judge(text)
        took[name] = (time.process_time() - start) / repeats / len(candidates)
        print(f"{name}: {1e6 * took[name]:,.0f} microseconds a candidate with {len(pool):,} kept, "
              f"ratio {took[name] / took['ours']:,.0f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

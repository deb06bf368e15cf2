"""How often does the make-up of a batch change a reply of the embedded model?

    python benchmarks/batches.py out/quickstart/self-instruct --calls 200

Asks logged calls again one at a time, so that each is a batch of its own, and compares the replies
with those in the log, which were made in batches of up to 64. Sampling is seeded by the request, so
any difference comes from the rounding of floating point.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from pathlib import Path

from didact.models.embedded import Embedded
from didact.stats.bootstrap import wilson
from didact.store import Run


async def ask_alone(path: Path, count: int) -> None:
    model = Embedded(batch=1)
    calls = [c for c in Run.open(path).calls if c.model == model.identity and c.reply]
    chosen = random.Random(0).sample(calls, min(count, len(calls)))
    differ = {False: [0, 0], True: [0, 0]}
    for call in chosen:
        reply = await model.ask(call.request)
        tally = differ[call.request.sampling.temperature > 0]
        tally[0] += reply.text != call.reply.text
        tally[1] += 1
    await model.close()
    for sampled, (different, total) in differ.items():
        if total:
            share = wilson(different, total)
            kind = "sampled" if sampled else "greedy"
            print(
                f"{kind}: {different} of {total} replies differ from those made in a batch"
                f" ({share.mean:.1%} [{share.low:.1%}, {share.high:.1%}])"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--calls", type=int, default=200)
    options = parser.parse_args()
    asyncio.run(ask_alone(options.run, options.calls))


if __name__ == "__main__":
    main()

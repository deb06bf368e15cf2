"""A process that logs calls until it is killed, full, or done; each key is printed once logged.

    python call_writer.py PATH COUNT [--limit BYTES] [--ballast FILE]

With ``--limit`` no file may grow past so many bytes. When the log says that it cannot write, that
is printed, the ballast removed, the limit lifted, and the call logged again.
"""

from __future__ import annotations

import argparse
import random
import resource
import string
import sys
from pathlib import Path

from didact.calls import CallLog, call_key
from didact.errors import StoreError
from didact.records import Reply, Request


def reply(number: int) -> Reply:
    letters = random.Random(number).choices(string.ascii_letters, k=1500)
    return Reply(text=f"{number} {''.join(letters)}", model="m")


def record(log: CallLog, number: int) -> str:
    request = Request(prompt=f"question {number}")
    key = call_key("m", request)
    if log.get(key) is None:
        log.record(key, request, role="teacher", model="m", outcome=reply(number), seconds=1.0)
    return key


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--ballast", type=Path)
    options = parser.parse_args()
    log = CallLog.open(options.path, write=True)
    if options.limit:
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (options.limit, most))
    if options.ballast:
        options.ballast.write_bytes(b"x" * 8_000_000)
    for number in range(options.count):
        try:
            key = record(log, number)
        except StoreError as error:
            say(f"error {error}")
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            if options.ballast:
                options.ballast.unlink()
            key = record(log, number)
        say(key)
    say("done")


if __name__ == "__main__":
    main()

"""The commands: a thin skin over the pipeline, the store and the report.

Exit codes: 0 done, 1 failed, 2 the command or the run file is wrong, 3 stopped by the budget, 4 a
key is missing or refused, 130 interrupted. Data goes to standard output, progress and messages to
standard error.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from didact import pipeline, scaffold
from didact import quickstart as whole_loop
from didact.ablation import ablate_command
from didact.checked import check_json, show_check
from didact.components import KINDS, describe, find, headline, names, nearest
from didact.config import RunConfig
from didact.convert import TARGETS, convert
from didact.disk import is_full
from didact.errors import BudgetError, ConfigError, CredentialsError, DidactError
from didact.forecast import Forecast, forecast
from didact.life import life
from didact.pilot import CALLS, Projection
from didact.pilot import pilot as run_pilot
from didact.ping import ping as run_ping
from didact.progress import Progress
from didact.report.build import build
from didact.runfile import load
from didact.shown import chat_turns, show_component, show_funnel, show_life, show_run
from didact.sieve import VerdictsFile, With, is_run_file, sieve
from didact.store import Run
from didact.terminal import typed_lines
from didact.transfer import export_calls, import_calls
from didact.web.command import open_command

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Fine-tune language models on data that language models wrote: generate, filter, train,"
    " evaluate. Everything is in one run directory and can be replayed.",
)

calls = typer.Typer(no_args_is_help=True, help="The calls of a run as JSONL, and back.")
app.add_typer(calls, name="calls")
app.command("open")(open_command)
app.command("ablate")(ablate_command)

File = Annotated[Path, typer.Argument(help="The run file (YAML).", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE...", help="Settings to override: train.lora=8"),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="The run directory; by default out/NAME, NAME from the file."),
]
Retry = Annotated[bool, typer.Option("--retry", help="Ask again the calls that failed.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
RunPath = Annotated[Path, typer.Argument(help="A run directory.", show_default=False)]
Verb = Callable[..., Any]


def main() -> None:
    """Run the command line; errors of the user's making are told without a traceback."""
    try:
        app()
    except ConfigError as error:
        _fail(error, 2)
    except BudgetError as error:
        _fail(error, 3)
    except CredentialsError as error:
        _fail(error, 4)
    except DidactError as error:
        _fail(error, 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        # Libraries write too: compiled code, checkpoints, temporary files.
        if not is_full(error):
            raise
        where = f"{error.filename}: " if error.filename else ""
        _fail(
            DidactError(
                f"{where}the disk is full. Every call logged so far is safe: free some space and"
                " run the same command to continue."
            ),
            1,
        )


def _fail(error: DidactError, code: int) -> None:
    for line in str(error).splitlines():
        print(f"didact: {line}", file=sys.stderr)
    sys.exit(code)


def _say(text: str, *, quiet: bool = False) -> None:
    if not quiet:
        print(text, file=sys.stderr)


@app.command()
def quickstart(
    out: Annotated[Path, typer.Option(help="Where the two runs go.")] = Path("out/quickstart"),
    seed: Annotated[int, typer.Option(help="The seed of both runs.")] = 0,
    quiet: Quiet = False,
) -> None:
    """The whole loop on the model that ships with didact: no GPU, no key, no network."""
    with _interruptible(), Progress(sys.stderr, quiet=quiet) as progress:
        page = whole_loop.quickstart(out, seed=seed, on_event=progress)
    own = out / "self-instruct"
    if not quiet:
        print(show_funnel(Run.open(own)))
    _say(f"report    {page}", quiet=quiet)
    _say(f"next      didact show {own}    or    didact chat {own}", quiet=quiet)


@app.command()
def run(
    file: File,
    overrides: Overrides = None,
    out: Out = None,
    retry: Retry = False,
    quiet: Quiet = False,
) -> None:
    """Every stage of a run file in order; run again, it goes on where it stopped."""
    path = _stages(pipeline.run, file, overrides, out=out, retry=retry, quiet=quiet)
    page = build([path], path / "report.html")
    _say(f"report    {page}\nnext      didact show {path}", quiet=quiet)


@app.command()
def generate(
    file: File, overrides: Overrides = None, out: Out = None, retry: Retry = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Make examples."""
    _stage(pipeline.generate, file, overrides, out=out, retry=retry, quiet=quiet, after="filter")


@app.command("filter")
def filter_command(
    file: File, overrides: Overrides = None, out: Out = None, retry: Retry = False,
    quiet: Quiet = False, with_: With = None, verdicts: VerdictsFile = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Judge the examples of a run file, or of a file of data (--with, -o); nothing is deleted."""
    if with_ or not is_run_file(file):
        filters = [*(with_ or ()), *(overrides or ())]
        print(sieve(file, filters, out=out, verdicts_to=verdicts).told(as_json=as_json))
        return
    _stage(pipeline.filter, file, overrides, out=out, retry=retry, quiet=quiet, after="train")


@app.command()
def train(
    file: File, overrides: Overrides = None, out: Out = None, retry: Retry = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Tune the base model on the examples kept."""
    _stage(pipeline.train, file, overrides, out=out, retry=retry, quiet=quiet, after="evaluate")


@app.command()
def evaluate(
    file: File, overrides: Overrides = None, out: Out = None, retry: Retry = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Ask every model the test items, and score the answers."""
    _stage(pipeline.evaluate, file, overrides, out=out, retry=retry, quiet=quiet, after="report")


def _stage(
    verb: Verb, file: Path, overrides: list[str] | None, *, out: Path | None, retry: bool,
    quiet: bool, after: str,
) -> None:  # fmt: skip
    path = _stages(verb, file, overrides, out=out, retry=retry, quiet=quiet)
    _say(f"next      didact {after} {path if after == 'report' else file}", quiet=quiet)


def _stages(
    verb: Verb, file: Path, overrides: list[str] | None, *, out: Path | None, retry: bool,
    quiet: bool,
) -> Path:  # fmt: skip
    config = load(file, overrides or [], run=out)
    path = out or Path("out") / config.name
    with _interruptible(), Progress(sys.stderr, quiet=quiet) as progress:
        verb(config, path, on_event=progress, retry=retry)
    return path


class _interruptible:
    """Ctrl-C ends with one line and the code that shells expect."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is KeyboardInterrupt:
            _say("\ndidact: interrupted; run the same command to continue, no call is repeated")
            raise typer.Exit(130)


@app.command()
def check(
    file: File,
    overrides: Overrides = None,
    as_json: Json = False,
    ping: Annotated[
        bool, typer.Option("--ping", help="Ask every model behind a server for one token.")
    ] = False,
    pilot: Annotated[
        bool, typer.Option("--pilot", help=f"Make the first {CALLS} calls of every recipe.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the pilot.")] = False,
    out: Out = None,
) -> None:
    """Read a run file and all that it reads; tell what it will ask, of whom, for how much money.

    No call is made, but with --ping and --pilot. What a pilot asks goes into the run's call log.
    """
    config = load(file, overrides or [], run=out)
    pipeline.check(config)
    found = forecast(config)
    pongs = run_ping(config.models) if ping else []
    if not as_json:
        for line in show_check(config, found, pongs):
            print(line)
    projections: list[Projection] = []
    if pilot and (yes or _agreed(found, config)):
        where = out or Path("out") / config.name
        with _interruptible(), Progress(sys.stderr, quiet=as_json) as progress:
            projections = run_pilot(config, where, on_event=progress)
    if as_json:
        print(json.dumps(check_json(file, config, found, pongs, projections)))
        return
    for projection in projections:
        print(f"pilot     {projection}")
    print(f"{file}: nothing wrong. next: didact run {file}")


def _agreed(found: Forecast, config: RunConfig) -> bool:
    """Whether the pilot may spend what it will."""
    recipes = sum(not hasattr(entry.use, "read") for entry in config.generate)
    roles = ", ".join(str(role.role) for role in found.roles if role.where) or "local models"
    return typer.confirm(
        f"Make up to {CALLS * recipes} calls now ({roles})? The run will reuse them",
        default=False,
        err=True,
    )


@app.command()
def show(
    path: RunPath,
    example_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="The beginning of an example's id.")
    ] = None,
    as_json: Json = False,
    count: Annotated[int, typer.Option("--count", "-n", help="Examples to list.")] = 5,
    dropped_by: Annotated[
        str | None, typer.Option(help="List what a filter dropped, with its reasons.")
    ] = None,
) -> None:
    """What happened in a run, or how one example came to be."""
    opened = Run.open(path)
    if example_id:
        print(show_life(life(opened, example_id), as_json=as_json))
    else:
        print(show_run(opened, count=count, dropped_by=dropped_by, as_json=as_json))


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run directories.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="The HTML file.")] = None,
) -> None:
    """Write one HTML page about a run, or about several side by side."""
    for path in runs:
        Run.open(path)
    print(build(runs, out or runs[0] / "report.html"))


@app.command("list")
def list_command(
    kind: Annotated[str | None, typer.Argument(help=f"One of: {', '.join(KINDS)}.")] = None,
    name: Annotated[str | None, typer.Argument(help="One component: its settings.")] = None,
    as_json: Json = False,
) -> None:
    """The components a run file can name, and their settings."""
    kinds = [_kind(kind)] if kind else list(KINDS)
    if name:
        component = find(kinds[0], name)
        print(show_component(name, component, describe(component), as_json=as_json))
        return
    found = {one: {n: headline(find(one, n)) for n in names(one)} for one in kinds}
    if as_json:
        print(json.dumps(found))
        return
    for one, components in found.items():
        print(one)
        for component, text in components.items():
            print(f"  {component:<22} {text}")


def _kind(word: str) -> str:
    plural = word if word.endswith("s") else f"{word}s"
    if plural not in KINDS:
        raise ConfigError(f"no kind {word!r}{nearest(plural, KINDS)}")
    return plural


@calls.command("export")
def calls_export(
    run: RunPath,
    file: Annotated[Path, typer.Argument(help="The JSONL file to write.", show_default=False)],
) -> None:
    """Write every call of a run as JSON, one call a line."""
    count = export_calls(run, file)
    _say(f"{count} calls in {file}\nnext      didact calls import {file} RUN")


@calls.command("import")
def calls_import(
    file: Annotated[Path, typer.Argument(help="A JSONL file of calls.", show_default=False)],
    run: Annotated[
        Path, typer.Argument(help="A run directory, made if need be.", show_default=False)
    ],
) -> None:
    """Give the calls of a file to a run, all or none: it replays them instead of asking."""
    done = import_calls(file, run)
    _say(f"{done.added} calls added, {done.here} were there already")
    _say(f"next      didact run FILE --out {run}")


@app.command("convert")
def convert_command(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A file, or a run directory.", show_default=False)
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file.", show_default=False)],
    to: Annotated[str, typer.Option(help=f"One of: {', '.join(TARGETS)}.", show_default=False)],
    origin: Annotated[
        str | None, typer.Option("--from", help="The source that reads IN, if not told from it.")
    ] = None,
    skip: Annotated[bool, typer.Option("--skip", help="Count bad rows, and go on.")] = False,
    as_json: Json = False,
) -> None:
    """From one format of data to another; what cannot be carried is counted with its reason."""
    with _interruptible():
        done = convert(source, out, to=to, source=origin, skip=skip)
    if as_json:
        print(json.dumps(done.to_json()))
        return
    for line in done.lines():
        print(line)


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="recipe, filter, source, model, ...")],
    name: Annotated[str, typer.Argument(help="Its name; the file is named so.")],
    folder: Annotated[Path, typer.Option(help="Where to write it.")] = Path(),
) -> None:
    """Start a component of your own: one file, used as `use: ./name.py`."""
    path = scaffold.scaffold(kind, name, folder)
    print(path)
    _say(f"next      edit it, then name it in a run file: use: ./{path.name}")


@app.command()
def chat(
    path: RunPath,
    model: Annotated[str, typer.Option(help="trained or base.")] = "trained",
    max_tokens: Annotated[int, typer.Option(help="Of an answer.")] = 128,
) -> None:
    """Talk to the model that a run trained; one line in, one answer out."""
    turns = chat_turns(Run.open(path), model, max_tokens=max_tokens, seed=random.randrange(2**31))
    with _interruptible():
        _say("An instruction a line; an empty line or Ctrl-D ends.")
        for answer in turns(typed_lines()):
            print(answer)

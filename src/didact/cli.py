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

from didact import pipeline
from didact import quickstart as whole_loop
from didact.checked import check_json, show_check
from didact.commands.ablate import ablate_command
from didact.commands.audit import audit_command
from didact.commands.calls import calls
from didact.commands.compare import compare_command
from didact.commands.convert import convert_command
from didact.commands.curve import curve_command
from didact.commands.diversity import diversity_command
from didact.commands.export import export_command
from didact.commands.figures import figures_command
from didact.commands.harness import harness_command
from didact.commands.init import init_command
from didact.commands.job import job
from didact.commands.listing import list_command, new_command
from didact.commands.options import (
    File,
    Json,
    Out,
    Overrides,
    Quiet,
    Retry,
    RunPath,
    interruptible,
    say,
)
from didact.commands.rate import rate_command
from didact.commands.serve import serve_command
from didact.commands.style import style_command
from didact.config import RunConfig
from didact.disk import is_full
from didact.environment import environment, environment_line, extra_of
from didact.errors import BudgetError, ConfigError, CredentialsError, DidactError
from didact.forecast import Forecast, forecast
from didact.life import life
from didact.pilot import CALLS, Projection
from didact.pilot import pilot as run_pilot
from didact.ping import ping as run_ping
from didact.progress import Progress
from didact.proving import prove, row_lines
from didact.report.build import build
from didact.runfile import load
from didact.shown import chat_turns, show_funnel, show_life, show_run
from didact.shown_items import show_items
from didact.sieve import From, Kept, Skip, VerdictsFile, With, is_run_file, sieve
from didact.store import Run
from didact.terminal import typed_lines
from didact.web.command import open_command

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Fine-tune language models on data that language models wrote: generate, filter, train,"
    " evaluate. Everything is in one run directory and can be replayed.",
)

_RUN, _LOOK, _MODEL, _STUDY, _DATA = (
    "A run", "Look at it", "Its model", "Compare and study", "Data and components",
)  # fmt: skip
"""The groups of the help, in their order."""

Verb = Callable[..., Any]


def _version(wanted: bool) -> None:
    if wanted:
        print(environment_line(environment()))
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Tell the versions."),
    ] = False,
) -> None: ...


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
    except ModuleNotFoundError as error:
        extra = extra_of(error.name or "")
        if extra is None:
            raise
        install = f"pip install 'didact[{extra}]'"
        _fail(DidactError(f"this needs {error.name}, which is not installed: {install}"), 1)
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


@app.command(rich_help_panel=_RUN)
def quickstart(
    out: Annotated[Path, typer.Option(help="Where the two runs go.")] = Path("out/quickstart"),
    seed: Annotated[int, typer.Option(help="The seed of both runs.")] = 0,
    quiet: Quiet = False,
) -> None:
    """The whole loop on the model that ships with didact: no GPU, no key, no network."""
    with interruptible(), Progress(sys.stderr, quiet=quiet) as progress:
        page = whole_loop.quickstart(out, seed=seed, on_event=progress)
    own = out / "self-instruct"
    if not quiet:
        print(show_funnel(Run.open(own)))
    say(f"report    {page}", quiet=quiet)
    say(f"next      didact show {own}    or    didact chat {own}", quiet=quiet)


@app.command(rich_help_panel=_RUN)
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
    say(f"report    {page}\nnext      didact show {path}", quiet=quiet)


@app.command(rich_help_panel=_RUN)
def generate(
    file: File, overrides: Overrides = None, out: Out = None, retry: Retry = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Make examples."""
    _stage(pipeline.generate, file, overrides, out=out, retry=retry, quiet=quiet, after="filter")


@app.command("filter", rich_help_panel=_RUN)
def filter_command(
    file: File, overrides: Overrides = None, out: Kept = None, retry: Retry = False,
    quiet: Quiet = False, with_: With = None, verdicts: VerdictsFile = None,
    origin: From = None, skip: Skip = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Judge the examples of a run file, or of a file of data (--with, -o); nothing is deleted."""
    if with_ or not is_run_file(file):
        filters = [*(with_ or ()), *(overrides or ())]
        done = sieve(file, filters, out=out, verdicts_to=verdicts, source=origin, skip=skip)
        print(done.told(as_json=as_json))
        return
    _stage(pipeline.filter, file, overrides, out=out, retry=retry, quiet=quiet, after="train")


@app.command(rich_help_panel=_RUN)
def train(
    file: File, overrides: Overrides = None, out: Out = None, retry: Retry = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Tune the base model on the examples kept."""
    _stage(pipeline.train, file, overrides, out=out, retry=retry, quiet=quiet, after="evaluate")


@app.command(rich_help_panel=_RUN)
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
    say(f"next      didact {after} {path if after == 'report' else file}", quiet=quiet)


def _stages(
    verb: Verb, file: Path, overrides: list[str] | None, *, out: Path | None, retry: bool,
    quiet: bool,
) -> Path:  # fmt: skip
    config = _loaded(file, overrides, out)
    path = out or Path("out") / config.name
    with interruptible(), Progress(sys.stderr, quiet=quiet) as progress:
        verb(config, path, on_event=progress, retry=retry)
    return path


def _loaded(file: Path, overrides: list[str] | None, out: Path | None) -> RunConfig:
    config = load(file, overrides or [], run=out)
    if not (config.generate or config.train or config.evaluate):
        raise ConfigError(f"{file}: nothing to do; it has no generate, train or evaluate")
    return config


@app.command(rich_help_panel=_RUN)
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
    proofs: Annotated[
        bool, typer.Option(help="Load the base and prove masks and arithmetic of the training.")
    ] = True,
    out: Out = None,
) -> None:
    """Read a run file and all that it reads; tell what it will ask, of whom, for how much money.

    No call is made, but with --ping and --pilot. What a pilot asks goes into the run's call log.
    Masks and arithmetic of the training are proved, on the data where it is there already.
    """
    config = _loaded(file, overrides, out)
    pipeline.check(config)
    found = forecast(config)
    pongs = run_ping(config.models) if ping else []
    proved = prove(config, out or Path("out") / config.name) if proofs else None
    if not as_json:
        for line in [*show_check(config, found, pongs), *(proved.lines() if proved else ())]:
            print(line)
    if proved and proved.failed:
        raise DidactError("\n".join(f"train: proof failed: {text}" for text in proved.failed))
    projections: list[Projection] = []
    if pilot and (yes or _agreed(found, config)):
        where = out or Path("out") / config.name
        with interruptible(), Progress(sys.stderr, quiet=as_json) as progress:
            projections = run_pilot(config, where, on_event=progress)
    if as_json:
        told = check_json(file, config, found, pongs, projections)
        print(json.dumps({**told, "training": proved.to_json() if proved else None}))
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


@app.command(rich_help_panel=_LOOK)
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
    tokens: Annotated[
        str | None, typer.Option(metavar="ID", help="The row of an example; what is trained of it.")
    ] = None,
    items: Annotated[
        str | None, typer.Option(metavar="METRIC", help="List the test items behind a score.")
    ] = None,
) -> None:
    """What happened in a run, or how one example came to be."""
    opened = Run.open(path)
    if tokens:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        print("\n".join(row_lines(opened, tokens, colour=colour)))
    elif items:
        print(show_items(opened, items, count=count, as_json=as_json))
    elif example_id:
        print(show_life(life(opened, example_id), as_json=as_json))
    else:
        print(show_run(opened, count=count, dropped_by=dropped_by, as_json=as_json))


@app.command(rich_help_panel=_LOOK)
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run directories.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="The HTML file.")] = None,
) -> None:
    """Write one HTML page about a run, or about several side by side."""
    for path in runs:
        Run.open(path)
    print(build(runs, out or runs[0] / "report.html"))


@app.command(rich_help_panel=_MODEL)
def chat(
    path: RunPath,
    model: Annotated[str, typer.Option(help="trained or base.")] = "trained",
    max_tokens: Annotated[int, typer.Option(help="Of an answer.")] = 128,
) -> None:
    """Talk to the model that a run trained; one line in, one answer out."""
    turns = chat_turns(Run.open(path), model, max_tokens=max_tokens, seed=random.randrange(2**31))
    with interruptible():
        say("An instruction a line; an empty line or Ctrl-D ends.")
        for answer in turns(typed_lines()):
            print(answer)


for _name, _group, _command in (
    ("init", _RUN, init_command),
    ("open", _LOOK, open_command),
    ("rate", _LOOK, rate_command),
    ("figures", _LOOK, figures_command),
    ("export", _MODEL, export_command),
    ("serve", _MODEL, serve_command),
    ("compare", _STUDY, compare_command),
    ("curve", _STUDY, curve_command),
    ("ablate", _STUDY, ablate_command),
    ("style", _STUDY, style_command),
    ("audit", _STUDY, audit_command),
    ("harness", _STUDY, harness_command),
    ("diversity", _DATA, diversity_command),
    ("convert", _DATA, convert_command),
    ("list", _DATA, list_command),
    ("new", _DATA, new_command),
):
    app.command(_name, rich_help_panel=_group)(_command)
app.add_typer(calls, name="calls", rich_help_panel=_DATA)
app.add_typer(job, name="job", rich_help_panel=_RUN)

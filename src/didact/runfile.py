"""Reading a run file: every component found, built and checked, every problem told at once.

No model is asked. All that is wrong (unknown keys with the nearest known ones, wrong types, missing
roles and files) comes in one ConfigError, each with its file and line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeAlias

from didact.calls import CallLog
from didact.capabilities import lacking, needs_of
from didact.components import Problem, build, find, nearest, paths_in
from didact.config import (
    BASE,
    TRAINED,
    Evaluation,
    Generation,
    RunConfig,
    Scale,
    Training,
    describe_entry,
)
from didact.context import Budget
from didact.document import At, Document, parse
from didact.errors import ConfigError
from didact.evaluate_keys import EvaluationReader, evaluators_of
from didact.file_keys import FileKeys, read_keys
from didact.launching.launch import read as read_launch
from didact.mixture import asks
from didact.prices import Price, Prices
from didact.records import JSON
from didact.stats.mixing import Portion, allot
from didact.store import trained_model

__all__ = ["load"]


_Asking: TypeAlias = "Mapping[At, Sequence[object]]"
"""Components that may ask models, by where the run file has them."""


def load(file: Path, overrides: Sequence[str] = (), *, run: Path | str | None = None) -> RunConfig:
    """Read a run file, with ``key.key=value`` overrides; everything wrong in one ConfigError.

    ``run`` is the run directory, by default ``out/NAME`` or that of a ``run.yaml``. Where it has
    made calls already, its local models and reused runs need not be here to replay them.
    """
    document = parse(Path(file)).override(overrides)
    reader = _Reader(document, run=Path(run) if run is not None else None)
    config = reader.config()
    if reader.problems or config is None:
        raise ConfigError("\n".join(dict.fromkeys(map(reader.told, reader.problems))))
    return config


class _Reader:
    """Builds what a document names and collects what is wrong with it."""

    def __init__(self, document: Document, *, run: Path | None = None) -> None:
        self._document = document
        self._run = run
        self._folder = document.file.parent
        self._paths: dict[At, Path] = {}
        self._gone: dict[str, Path] = {}
        """Role to the directory of its model, where there is none."""
        self.problems: list[Problem] = []

    def told(self, problem: Problem) -> str:
        """The problem with its place."""
        keys = ".".join(map(str, problem.at))
        return f"{self._document.place(problem.at)}: {keys}: {problem.message}"

    def config(self) -> RunConfig | None:
        """The run file; None where it has not even the right keys."""
        file = read_keys(self._document.data, self.problems)
        if file is None:
            return None
        if self._run is None:
            own = self._document.file.name == "run.yaml"
            self._run = self._folder if own else Path("out") / self._name(file)
        models = {
            role: self._component(("models",), ("models", role), self._run_path(role, entry))
            for role, entry in file.models.items()
        }
        generate = tuple(self._generation(n, entry) for n, entry in enumerate(file.generate))
        try:
            allot([Portion(1, weight=g.weight, share=g.share) for g in generate])
        except ValueError as error:
            self.problems.append(Problem(("generate",), str(error)))
        filters = tuple(
            self._component(("filters",), ("filter", n), entry)
            for n, entry in enumerate(file.filter)
        )
        train = self._training(file.train) if file.train is not None else None
        roles = {*models, *((BASE, TRAINED) if train else ())}
        evaluate = None
        if file.evaluate:
            evaluate = EvaluationReader(self._component, self._path, self.problems).read(
                file.evaluate
            )
        asking: _Asking = {
            ("generate",): [g.use for g in generate],
            ("filter",): filters,
            **evaluators_of(evaluate),
        }
        self._check_roles(roles, asking, evaluate)
        self._check_capabilities(asking, models)
        budget = Budget(**file.budget.model_dump()) if file.budget else None
        own = {name: Price(**price.model_dump()) for name, price in file.prices.items()}
        prices = Prices(own=own)
        if budget and budget.usd is not None:
            built = {role: model for role, model in models.items() if model is not None}
            self.problems += [
                Problem(("models", role), text) for role, text in prices.unknown(built).items()
            ]
        reuse = self._reused(file)
        document = _with(self._document.data, self._paths)
        self._check_gone(document)
        return RunConfig(
            name=self._name(file),
            seed=file.seed,
            max_failures=file.max_failures,
            budget=budget,
            prices=prices,
            models=models,
            generate=generate,
            filter=filters,
            train=train,
            evaluate=evaluate,
            scale=Scale(**file.scale.model_dump()) if file.scale else None,
            reuse=reuse,
            document=document,
        )

    def _component(self, kinds: Sequence[str], at: At, entry: str | Mapping[str, Any]) -> Any:  # noqa: ANN401  (which kind of component is in `kinds`)
        """The component an entry names; None, and a problem, where there is none."""
        settings = {"use": entry} if isinstance(entry, str) else dict(entry)
        use = settings.pop("use", None)
        if not isinstance(use, str):
            self.problems.append(Problem(at, "needs `use: <name>`"))
            return None
        try:
            kind = self._find(kinds, use, settings)
        except ConfigError as error:
            self.problems.append(Problem((*at, "use"), str(error)))
            return None
        component, problems = build(kind, settings, folder=self._folder)
        self.problems += [Problem((*at, *problem.at), problem.message) for problem in problems]
        if use.endswith(".py"):
            self._paths[(*at, "use")] = self._folder / use
        for name in settings:
            for keys, path in paths_in(getattr(component, name, None)):
                self._paths[(*at, name, *keys)] = path
        return component

    def _find(self, kinds: Sequence[str], use: str, settings: Mapping[str, Any]) -> type:
        """The first component of the name, or where several have it, one with these settings."""
        found: list[type] = []
        problems: list[str] = []
        for kind in kinds:
            try:
                found.append(find(kind, use, folder=self._folder))
            except ConfigError as error:
                problems.append(str(error))
        if not found:
            raise ConfigError("; ".join(dict.fromkeys(problems)))
        return next(
            (one for one in found if settings.keys() <= {f.name for f in fields(one)}), found[0]
        )

    def _run_path(self, role: str, entry: dict[str, Any]) -> dict[str, Any]:
        """A model's ``path`` that is a directory here, or another run: then its trained model."""
        path = entry.get("path")
        if not isinstance(path, str):
            return entry
        there = self._folder / Path(path).expanduser()
        if not there.is_dir():
            if _means_a_path(path, self._folder):
                self._paths["models", role, "path"] = there
                self._gone[role] = there
            return entry
        self._paths["models", role, "path"] = there
        if not (there / "run.yaml").is_file():
            return {**entry, "path": str(there.resolve())}
        trained = trained_model(there)
        if trained is None:
            problem = f"{there} is a run that has trained no model yet; run it first"
            self.problems.append(Problem(("models", role, "path"), problem))
            return entry
        return {**entry, "path": str(trained.resolve())}

    def _generation(self, number: int, entry: str | dict[str, Any]) -> Generation:
        at: At = ("generate", number)
        settings = {"use": entry} if isinstance(entry, str) else dict(entry)
        seeds, cap = settings.pop("seeds", None), settings.pop("cap", None)
        weight, share = (self._part(at, settings, key) for key in ("weight", "share"))
        use: Any = self._component(("recipes", "sources"), at, settings)
        if cap is not None and (not isinstance(cap, int) or isinstance(cap, bool) or cap < 1):
            self.problems.append(Problem((*at, "cap"), f"a number of examples, not {cap!r}"))
            cap = None
        if seeds is not None and hasattr(use, "read"):
            self.problems.append(Problem((*at, "seeds"), "a source takes no seeds"))
        if seeds is not None and seeds != "builtin":
            seeds = self._path((*at, "seeds"), seeds)
        if weight is not None and share is not None:
            self.problems.append(Problem(at, "has a weight and a share; one of them at most"))
            weight = None
        return Generation(use=use, seeds=seeds, cap=cap, weight=weight, share=share)

    def _part(self, at: At, settings: dict[str, Any], key: str) -> float | None:
        """How much of the mixture: a number above 0; a share is at most 1."""
        value = settings.pop(key, None)
        if value is None:
            return None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value < math.inf or (key == "share" and value > 1):
            most = " and at most 1" if key == "share" else ""
            self.problems.append(Problem((*at, key), f"a number above 0{most}, not {value!r}"))
            return None
        return float(value)

    def _training(self, entry: str | dict[str, Any]) -> Training:
        settings = {"use": entry} if isinstance(entry, str) else dict(entry)
        base = settings.pop("base", "embedded")
        if base != "embedded" and not _hub_name(base, self._folder):
            base = self._path(("train", "base"), base) or ""
        at: At = ("train", "launch")
        launch, problems = read_launch(settings.pop("launch", None), self._folder)
        self.problems += [Problem((*at, *p.at), p.message) for p in problems]
        if launch and launch.config:
            self._paths[(*at, "config")] = launch.config
        use = self._component(("trainers",), ("train",), settings)
        return Training(use=use, base=base, launch=launch)

    def _path(self, at: At, value: object) -> Path | None:
        path = self._folder / value if isinstance(value, str) else None
        if path is None or not path.exists():
            message = f"no such file: {path}" if path else f"a path, not {value!r}"
            self.problems.append(Problem(at, message))
            return None
        self._paths[at] = path
        return path

    def _name(self, file: FileKeys) -> str:
        return file.name or self._document.file.stem

    def _check_gone(self, document: Mapping[str, Any]) -> None:
        """A model that is not here will do if the run knows it: its calls can be replayed."""
        known: set[str] = set()
        if self._gone and self._run is not None and (self._run / "calls.db").is_file():
            log = CallLog.open(self._run / "calls.db")
            for role in self._gone:
                settings = describe_entry(document["models"][role], self._run)
                if log.remembered(role, settings=settings) is not None:
                    known.add(role)
            log.close()
        for role in (role for role in self._gone if role not in known):
            problem = f"no such file: {self._gone[role]}"
            self.problems.append(Problem(("models", role, "path"), problem))

    def _reused(self, file: FileKeys) -> tuple[Path, ...]:
        runs: list[Path] = []
        for number, name in enumerate(file.reuse):
            at: At = ("reuse", number)
            run = self._paths[at] = self._folder / Path(name).expanduser()
            if (run / "calls.db").is_file():
                runs.append(run)
            elif self._run is None or not (self._run / "calls.db").is_file():
                # Else what it needed of the other run was copied when it was there.
                self.problems.append(Problem(at, f"not a run with a call log: {run}"))
        return tuple(runs)

    def _check_roles(self, roles: set[str], asking: _Asking, evaluate: Evaluation | None) -> None:
        """Every role named is there: those to evaluate, and those that a component asks."""
        named: list[tuple[At, str]] = []
        for at, components in asking.items():
            for number, component in enumerate(components):
                known = [f.name for f in fields(component)] if is_dataclass(component) else []
                stated = [name for name in ("model", *needs_of(component)) if name in known]
                for name in dict.fromkeys(stated):
                    if (role := getattr(component, name)) is not None:
                        named.append(((*at, number, name), role))
                if not stated and asks(component):
                    # A recipe that does not say whom it asks asks the teacher, as ctx.ask does.
                    named.append(((*at, number), "teacher"))
        if evaluate:
            named += [(("evaluate", "models", n), role) for n, role in enumerate(evaluate.models)]
        for at, role in named:
            if role not in roles:
                message = f"no role {role!r} under models:{nearest(role, sorted(roles))}"
                self.problems.append(Problem(at, message))

    def _check_capabilities(self, asking: _Asking, models: Mapping[str, object]) -> None:
        """Every model can do what the components that ask it need."""
        built = {role: model for role, model in models.items() if model is not None}
        for at, components in asking.items():
            for number, component in enumerate(components):
                for lack in lacking(component, built):
                    self.problems.append(Problem((*at, number, lack.field), lack.message))


def _hub_name(name: object, folder: Path) -> bool:
    """Whether it reads as ``owner/name`` and is no directory here."""
    return (
        isinstance(name, str)
        and name.count("/") == 1
        and not _means_a_path(name, folder)
        and not (folder / name).exists()
    )


def _means_a_path(name: str, folder: Path) -> bool:
    """Whether it begins as a path does, with ``out``, where runs are, or with a folder here."""
    first = name.partition("/")[0]
    return (
        name.startswith((".", "/", "~"))
        or ("/" in name and first == "out")
        or ("/" in name and (folder / first).is_dir())
    )


def _with(data: JSON, paths: Mapping[At, Path], at: At = ()) -> Any:  # noqa: ANN401
    """The document with the paths at these keys absolute."""
    if at in paths:
        return paths[at].resolve()
    if isinstance(data, dict):
        return {key: _with(value, paths, (*at, key)) for key, value in data.items()}
    if isinstance(data, list):
        return [_with(value, paths, (*at, number)) for number, value in enumerate(data)]
    return data

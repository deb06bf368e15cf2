"""Writes the pages that the embedded model is pre-trained on; no third-party text.

Pages of many layouts about one small world: prose, lists of exercises, worked exercises, questions
and answers, pages that say whether a task is classification, pages where an answer is graded, pages
where an exercise is made harder, and texts followed by the request they would answer. None is in
the format used for fine-tuning, so the base model continues text instead of following instructions.

Layouts decide everything: with a handful of fixed question-and-answer layouts nothing carries over
to an unseen format. So the markers, separators and gaps are drawn at random for each page.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Set

from didact.microworld import forms
from didact.microworld import lexicon as lex
from didact.microworld.family import Family, Task, write_task
from didact.microworld.kinds import KINDS
from didact.microworld.stories import OPINIONS
from didact.microworld.world import BY_NAME, FAMILIES

ASK = (
    "Task Question Exercise Q Problem Puzzle Job Request Order Prompt Command Item Assignment Ask "
    "Query Challenge Todo Test"
).split()
GIVEN = "Input Given Text Data Here With Material Content Example About Source Sample".split()
ANSWER = (
    "Answer A Solution Result Reply Output Key Done Ans Right Correct Ready Final Says Back"
).split()
SEPARATORS = (": ", ": ", ": ", ":\n", " - ", " = ", "\n", " > ", ". ", ":  ")
PREFIXES = ("", "", "", "", "* ", "- ", "> ", "== ", "~ ", "| ", "# ", "+ ")
GAPS = ("\n", "\n", "\n\n", "\n\n", "\n---\n", "\n\n\n", "\n***\n", "\n===\n")
HEADERS = (
    "Exercises", "Tasks for today", "Here are some tasks:", "A list of things to do:", "Homework",
    "Things to try", "A series of tasks:", "Come up with a series of tasks:", "More tasks",
    "Questions for the class", "Word games", "Test", "Quiz", "Tasks", "Practice",
    "Ideas for tasks:", "Below is a list of different tasks:", "Write down some tasks:",
    "Many small tasks:", "",
)  # fmt: skip


MARKS = ("\ue000", "\ue001")
"""Put around an answer, so that training can tell it from the rest; not part of the text."""


def marked(answer: str) -> str:
    """An answer, with its marks."""
    return answer.join(MARKS)


class Writer:
    """Draws documents; tasks whose instruction and input are reserved never appear."""

    def __init__(self, seed: int, reserved: Set[tuple[str, str]] = frozenset()) -> None:
        self.rng = random.Random(seed)
        self.reserved = reserved
        self.wordings: set[str] = set()

    def tasks(
        self, fam: Family | None = None, *, count: int = 1, separate: float = 0.5
    ) -> list[Task]:
        """Tasks sharing one instruction, from a random family unless one is given."""
        while True:
            chosen = fam or self.rng.choice(FAMILIES)
            found = write_task(self.rng, chosen, count=count, separate=separate)
            if all((task.instruction, task.input) not in self.reserved for task in found):
                self.wordings.add(found[0].instruction)
                return found

    def documents(self) -> Iterator[str]:
        """Documents without end, with marks around the answers."""
        kinds: list[tuple[int, Callable[[], str]]] = [
            (30, self.answered),
            (16, self.exercise_list),
            (15, self.worked),
            (7, self.labelled),
            (4, self.is_classification),
            (6, self.bare),
            (5, self.dialogue),
            (5, self.prose),
            (4, self.graded),
            (3, self.evolved),
            (3, self.unsaid),
            (9, self.copied),
        ]
        weights = [weight for weight, _ in kinds]
        makers = [maker for _, maker in kinds]
        while True:
            yield self.rng.choices(makers, weights)[0]()

    # Each page draws its own layout.

    def answered(self) -> str:
        """Questions with their answers under random markers."""
        rng = self.rng
        ask, given, answer = rng.choice(ASK), rng.choice(GIVEN), rng.choice(ANSWER)
        if rng.random() < 0.3:
            ask, given, answer = ask.upper(), given.upper(), answer.upper()
        sep, prefix, gap = rng.choice(SEPARATORS), rng.choice(PREFIXES), rng.choice(GAPS)
        inner = rng.choice(("\n", "\n", "\n\n", " ")) if sep.strip() else "\n"
        numbered, own_field = rng.random() < 0.2, rng.random() < 0.3
        one_family = rng.random() < 0.15
        fam = rng.choice(FAMILIES) if one_family else None
        parts: list[str] = []
        for index in range(rng.randint(2, 9)):
            task = self.tasks(fam)[0]
            mark = f"{ask} {index + 1}" if numbered else ask
            lines = [f"{prefix}{mark}{sep}{task.instruction}"]
            if task.input:
                field = self.field(task) if own_field else given
                lines.append(f"{prefix}{field}{sep}{task.input}")
            lines.append(f"{prefix}{answer}{sep}{marked(task.output)}")
            parts.append(inner.join(lines))
        return gap.join(parts)

    def field(self, task: Task) -> str:
        """The name of the input as the family would write it."""
        kind = BY_NAME[task.family].kind
        return self.rng.choice(KINDS[kind].fields) if kind else "Input"

    def bare(self) -> str:
        """Instruction, input and answer with nothing but line breaks between them."""
        rng = self.rng
        inner, gap = rng.choice(("\n", "\n\n")), rng.choice(("\n\n", "\n\n\n", "\n---\n"))
        parts: list[str] = []
        for _ in range(rng.randint(2, 8)):
            task = self.tasks()[0]
            parts.append(
                inner.join(p for p in (task.instruction, task.input, marked(task.output)) if p)
            )
        return gap.join(parts)

    def dialogue(self) -> str:
        """Two people: one asks, the other answers."""
        rng = self.rng
        one, two = rng.sample(lex.NAMES, 2)
        if rng.random() < 0.4:
            one, two = rng.choice((("Teacher", "Pupil"), ("Mother", "Child"), ("She", "He")))
        quoted = rng.random() < 0.3
        lines: list[str] = []
        for _ in range(rng.randint(2, 7)):
            task = self.tasks()[0]
            said = f"{task.instruction} {task.input}".strip()
            if quoted:
                lines += [f'"{said}" said {one}.', f'"{marked(task.output)}" said {two}.']
            else:
                lines += [f"{one}: {said}", f"{two}: {marked(task.output)}"]
        return "\n".join(lines)

    def exercise_list(self) -> str:
        """A list of exercises without answers, as an exercise book has."""
        rng = self.rng
        header = rng.choice(HEADERS)
        style = rng.choice(("{}. ", "{}. ", "{}. ", "{}. ", "{}) ", "- ", "* "))
        lines = [header] if header else []
        for index in range(rng.randint(6, 16)):
            # A list item has nowhere to put an input: wordings that need none, or ask for one.
            task = self.tasks(separate=0.45)[0]
            lines.append(style.format(index + 1) + task.instruction)
        return "\n".join(lines)

    def worked(self) -> str:
        """Tasks worked through on one or more examples each."""
        rng = self.rng
        numbered, gap = rng.random() < 0.7, rng.choice(("\n\n", "\n\n", "\n"))
        ask = "Task" if rng.random() < 0.6 else rng.choice(ASK)
        answer = "Output" if rng.random() < 0.6 else rng.choice(ANSWER)
        generic = rng.random() < 0.4
        parts: list[str] = []
        for _ in range(rng.randint(2, 7)):
            tasks = self.tasks(count=rng.choice((1, 1, 2, 3)), separate=0.85)
            lines = [f"{ask}: {tasks[0].instruction}"]
            for index, task in enumerate(tasks):
                if task.input:
                    if numbered:
                        lines.append(f"Example {index + 1}")
                    lines.append(f"{'Input' if generic else self.field(task)}: {task.input}")
                lines.append(f"{answer}: {marked(task.output)}")
            parts.append("\n".join(lines))
        return gap.join(parts)

    def labelled(self) -> str:
        """Classification tasks, the label before the text."""
        rng = self.rng
        with_labels = [fam for fam in FAMILIES if fam.labels]
        label = "Class label" if rng.random() < 0.7 else rng.choice(("Label", "Class", "Answer"))
        parts: list[str] = []
        for _ in range(rng.randint(2, 6)):
            tasks = self.tasks(rng.choice(with_labels), count=rng.randint(1, 4), separate=0.9)
            lines = [f"Task: {tasks[0].instruction}"]
            for task in tasks:
                lines.append(f"{label}: {task.output}")
                if task.input:
                    lines.append(f"{self.field(task)}: {task.input}")
            parts.append("\n".join(lines))
        return "\n\n".join(parts)

    def is_classification(self) -> str:
        """Tasks, and whether each has a small set of labels for answers."""
        rng = self.rng
        with_labels = [fam for fam in FAMILIES if fam.labels]
        question = rng.choice(
            ("Is it classification?", "Is it classification?", "Classification?", "Fixed labels?")
        )
        parts: list[str] = []
        for _ in range(rng.randint(4, 12)):
            fam = rng.choice(with_labels) if rng.random() < 0.4 else None
            task = self.tasks(fam)[0]
            answer = "Yes" if BY_NAME[task.family].labels else "No"
            parts.append(f"Task: {task.instruction}\n{question} {marked(answer)}")
        return rng.choice(("\n\n", "\n")).join(parts)

    def wrong(self, task: Task) -> str:
        """An answer of the right sort that is not right."""
        fam = BY_NAME[task.family]
        if fam.labels:
            others = [label for label in fam.labels if label not in task.answers]
            return self.rng.choice(others or ["other"])
        for _ in range(20):
            other = self.tasks(fam)[0].output
            if other not in task.answers:
                return other
        return "none"

    def graded(self) -> str:
        """Answers with a grade from 1 to 5 and the reason."""
        rng = self.rng
        reason_first = rng.random() < 0.5
        parts: list[str] = []
        for _ in range(rng.randint(2, 5)):
            task = self.tasks()[0]
            grade, answer, reason = self.grade(task)
            marks = [f"Reason: {marked(reason)}", f"Score: {marked(str(grade))}"]
            lines = [f"Task: {task.instruction}", f"Input: {task.input}", f"Answer: {answer}"]
            lines = [line for line in lines if line != "Input: "]
            parts.append("\n".join([*lines, *(marks if reason_first else marks[::-1])]))
        return "\n\n".join(parts)

    def grade(self, task: Task) -> tuple[int, str, str]:
        """A grade, an answer that deserves it, and why."""
        roll = self.rng.random()
        if roll < 0.45:
            return 5, task.output, "The answer is right and says nothing else."
        if roll < 0.6:
            return 4, f"I think it is {task.output}", "The answer is right, but it says too much."
        if roll < 0.7 and ", " in task.output:
            part = task.output.rsplit(", ", 1)[0]
            return 3, part, "A part of the answer is missing."
        if roll < 0.88:
            return 2, self.wrong(task), "It is an answer of the right kind, but it is wrong."
        other = self.tasks()[0]
        return 1, other.output, "The answer has nothing to do with the task."

    def evolved(self) -> str:
        """Exercises made harder, or turned into another one."""
        rng = self.rng
        pairs = (
            ("sort_alphabetically", "sort_then_first"), ("reverse_list", "reverse_then_upper"),
            ("remove_item", "remove_then_count"), ("sort_alphabetically", "sort_then_last"),
            ("to_past", "past_then_upper"), ("to_question", "past_question"),
            ("first_item", "nth_item"), ("count_items", "count_category"),
            ("who", "second_name"), ("upper_word", "upper_list"),
        )  # fmt: skip
        parts: list[str] = []
        for _ in range(rng.randint(2, 6)):
            if rng.random() < 0.6:
                easy, hard = rng.choice(pairs)
                left, right = self.tasks(BY_NAME[easy])[0], self.tasks(BY_NAME[hard])[0]
                parts.append(f"Exercise: {left.instruction}\nHarder: {right.instruction}")
            else:
                left, right = self.tasks()[0], self.tasks()[0]
                parts.append(f"Exercise: {left.instruction}\nAnother one: {right.instruction}")
        return "\n\n".join(parts)

    def unsaid(self) -> str:
        """A text, then the request that it is a good answer to."""
        rng = self.rng
        names = "thank invite greet does_what list_some write_sentence story_summary colour_of add"
        parts: list[str] = []
        for _ in range(rng.randint(2, 6)):
            fam = BY_NAME[rng.choice(names.split())] if rng.random() < 0.6 else None
            task = self.tasks(fam, separate=0.2)[0]
            given = f" {task.input}" if task.input else ""
            parts.append(f"Text: {task.output}\nRequest: {task.instruction}{given}")
        return "\n\n".join(parts)

    def copied(self) -> str:
        """Lines written twice, as in a copybook: where a model learns to look back and repeat."""
        rng = self.rng
        lines = [self.line() for _ in range(rng.randint(1, 5))]
        again = rng.choice(("Again", "Copy", "Once more", "The same", "Repeat"))
        if rng.random() < 0.5:
            return "\n".join(f"{line}\n{again}: {marked(line)}" for line in lines)
        return "\n".join([*lines, f"{again}:", *map(marked, lines)])

    def line(self) -> str:
        """A line worth copying."""
        rng = self.rng
        if rng.random() < 0.5:
            words = rng.sample(lex.NOUNS, rng.randint(4, 12))
            return rng.choice((" ", " ", ", ", " - ")).join(words)
        kind = KINDS[rng.choice(("words", "action", "state", "numbers", "story", "two"))]
        return kind.show(kind.sample(rng))

    def prose(self) -> str:
        """Plain sentences: facts, stories, opinions."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.3:
            return "\n\n".join(
                KINDS["story"].show(KINDS["story"].sample(rng)) for _ in range(rng.randint(1, 4))
            )
        if roll < 0.4:
            return " ".join(rng.sample(OPINIONS, 3))
        if roll < 0.5:
            return " ".join(KINDS["action"].sample(rng).text(rng.choice(("third", "past")))
                            for _ in range(rng.randint(3, 8)))  # fmt: skip
        if roll < 0.6:
            topic = rng.choice(tuple(lex.TOPICS))
            return f"About {topic}. " + " ".join(rng.sample(lex.TOPICS[topic], 4))
        return " ".join(self.fact() for _ in range(rng.randint(3, 8)))

    def fact(self) -> str:
        """One true thing about the world."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.4:
            name, about = rng.choice(list(lex.ANIMALS.items()))
            lines = [
                f"The {name} is {forms.article(about['class'])} {about['class']}.",
                f"The {name} lives in the {about['home']}.",
                f"The {name} has {forms.number(int(about['legs']))} legs.",
            ]
            if about["young"] != "-":
                lines.append(f"A young {name} is called a {about['young']}.")
            if about["sound"] != "-":
                lines.append(f"The sound of the {name} is {about['sound']}.")
            return rng.choice(lines)
        if roll < 0.55:
            word = rng.choice(lex.NOUNS)
            return f"The {word} is {forms.article(lex.CATEGORY_OF[word])} {lex.CATEGORY_OF[word]}."
        if roll < 0.65:
            thing, colour = rng.choice(list(lex.COLOUR_OF.items()))
            return f"The colour of the {thing} is {colour}."
        if roll < 0.75:
            job = rng.choice(tuple(lex.JOBS))
            where, does, tool = lex.JOBS[job]
            return f"A {job} {does}. The {job} works at the {where} and uses a {tool}."
        if roll < 0.85:
            left, right = rng.choice(list(forms.OPPOSITES.items()))
            return f"The opposite of {left} is {right}."
        word = rng.choice(lex.COUNTABLE)
        spelled = f"{word.capitalize()} is spelled {'-'.join(word)}."
        return f"One {word}, two {forms.plural(word)}. {spelled}"

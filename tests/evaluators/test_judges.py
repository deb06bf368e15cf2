"""The judges one by one: what they ask, what they count, what their numbers mean."""

import asyncio

import pytest

from didact.context import Context
from didact.errors import ConfigError
from didact.evaluators.four_level import FourLevel
from didact.evaluators.graded import Graded
from didact.evaluators.hhh import Hhh
from didact.evaluators.length_controlled import LengthControlled
from didact.evaluators.pairwise import Pairwise
from didact.evaluators.scored_pair import ScoredPair
from didact.evaluators.win_rate import WinRate
from didact.models.scripted import Scripted
from didact.records import Answer, Example, Message, Origin, Reply
from judge_toys import answers_in, form_of, judge_of

ORIGIN = Origin(recipe="test")


def item(number, output="", **meta):
    return Example.single(f"Question {number}?", output, origin=ORIGIN, meta=meta)


def said(model, texts, output="", **meta):
    return [
        Answer(example=item(n, output, **meta), model=model, text=text, call="")
        for n, text in enumerate(texts)
    ]


def run(evaluator, answers, replies, **settings):
    """Scores as a table, what was noted, and the judge."""
    judge = replies if isinstance(replies, Scripted) else Scripted(replies=replies, **settings)
    noted = {}

    async def collect():
        ctx = Context({"judge": judge}, on_event=lambda e, f: noted.update({e: dict(f)}))
        return [score async for score in evaluator.score(ctx, answers)]

    scores = asyncio.run(collect())
    table = {(s.example_id, s.model, s.metric): s for s in scores}
    assert len(table) == len(scores)
    return scores, noted["statistics"], judge


def values(scores, model, metric=None):
    return [s.value for s in scores if s.model == model and metric in (None, s.metric)]


LONGER = judge_of(
    lambda first, second: 0.5 + 0.5 * ((len(first) > len(second)) - (len(first) < len(second)))
)
FIRST = judge_of(lambda *_: 1.0)


def test_a_judge_who_always_prefers_the_first_gives_fifty_and_is_told_on():
    scores, noted, _ = run(Pairwise(), said("a", "xyz") + said("b", "uvw"), FIRST)
    assert values(scores, "a") == values(scores, "b") == [0.5] * 3
    assert noted["outcomes"] == {"flips": 3}
    assert noted["audit"]["first"][0] == noted["audit"]["flips"][0] == 1


def test_a_judge_who_prefers_the_longer_is_exposed_by_the_length_slope():
    """Neither model is longer on the whole; only the slope tells why each wins half."""
    a = ["x" * (20 + 7 * n % 60) for n in range(40)]
    b = ["y" * (20 + 11 * n % 60) for n in range(40)]
    scores, noted, _ = run(Pairwise(), said("a", a) + said("b", b), LONGER)
    assert 0.3 < sum(values(scores, "a")) / 40 < 0.7
    slope, longer = noted["audit"]["length_slope"], noted["audit"]["longer"]
    assert longer[0] == 1
    assert longer[1] > 0.8
    assert slope[1] > 2
    fair = judge_of(lambda first, second: float("xyx" in first) - float("xyx" in second) / 2 + 0.5)
    _, quiet, _ = run(Pairwise(), said("a", a) + said("b", b), fair)
    assert quiet["audit"]["length_slope"][1] <= 0 <= quiet["audit"]["length_slope"][2]


def test_identical_answers_tie_without_a_call():
    scores, noted, judge = run(
        Pairwise(), said("a", ["same", "x"]) + said("b", ["same", "y"]), FIRST
    )
    assert len(judge.asked) == 2
    assert values(scores, "a") == [0.5, 0.5]
    assert noted["outcomes"] == {"identical": 1, "flips": 1}


@pytest.mark.parametrize(("rule", "value"), [("agreement", 0.5), ("majority", 1.0), ("mean", 0.75)])
def test_won_in_one_order_and_tied_in_the_other(rule, value):
    # The answer "good" wins where it stands first, and ties where it stands second.
    judge = judge_of(lambda first, _: 1.0 if first == "good" else 0.5)
    scores, _, _ = run(Pairwise(rule=rule), said("a", ["good"]) + said("b", ["bad"]), judge)
    assert values(scores, "a") == [value]
    assert values(scores, "b") == [1 - value]


def test_one_order_that_cannot_be_read_leaves_the_pair_unscored_and_is_counted():
    def reply(request):
        return "[[A]]" if answers_in(request)[0] == "good" else "hard to say"

    scores, noted, _ = run(Pairwise(), said("a", ["good"]) + said("b", ["bad"]), reply)
    assert [s.value for s in scores] == [None, None]
    assert {s.reason for s in scores} == {"unreadable"}
    assert noted["asked"] == 2
    assert noted["unread"] == {"unreadable": 1}
    assert noted["outcomes"] == {"unscored": 1}


@pytest.mark.parametrize(("finish", "reason"), [("length", "cut off"), ("refused", "refused")])
def test_what_is_not_a_whole_reply_is_no_verdict(finish, reason):
    judge = Scripted(replies=lambda _: Reply(text="[[A]] 1 2", finish=finish))
    scores, noted, _ = run(Pairwise(), said("a", ["x"]) + said("b", ["y"]), judge)
    assert {s.reason for s in scores} == {reason}
    assert noted["unread"] == {reason: 2}


def test_a_judge_is_asked_again_and_compared_with_itself():
    """It changes its mind about one of two pairs; the scores are those of the first time."""

    def reply(request):
        liked = "b" if request.draw and "Question 1?" in request.messages[0].content else "a"
        return "[[A]]" if answers_in(request)[0].startswith(liked) else "[[B]]"

    answers = said("a", ["a0", "a1", "a2"]) + said("b", ["b0", "b1", "b2"])
    scores, noted, judge = run(Pairwise(repeats=2, own="a"), answers, reply)
    assert len(judge.asked) == 6 + 4
    assert values(scores, "a") == [1, 1, 1]
    assert noted["audit"]["repeats"][0] == 0.5
    assert noted["audit"]["own_answers"][0] == 0.5


def test_every_pair_of_three_models_or_all_against_one():
    answers = said("a", ["3"]) + said("b", ["2"]) + said("c", ["1"])
    better = judge_of(lambda first, second: float(first > second))
    scores, _, judge = run(Pairwise(), answers, better)
    assert [s.value for s in scores] == [1, 0.5, 0]
    assert len(judge.asked) == 6
    scores, _, judge = run(Pairwise(against="b"), answers, better)
    assert [s.value for s in scores] == [1, 0.5, 0]
    assert len(judge.asked) == 4


def test_an_opponent_without_answers_is_refused():
    with pytest.raises(ConfigError, match="'z' has no answers here"):
        run(Pairwise(against="z"), said("a", ["x"]), FIRST)


def test_a_conversation_is_shown_whole():
    turns = (Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "Why?"))
    example = Example(messages=(*turns, Message("assistant", "So")), origin=ORIGIN)
    answers = [Answer(example=example, model=m, text=m, call="") for m in "ab"]
    _, _, judge = run(Pairwise(), answers, FIRST)
    shown = judge.asked[0].messages[0].content
    assert "User: Hi\n\nAssistant: Hello\n\nUser: Why?\n" in shown


def test_three_questions_are_asked_one_by_one():
    def reply(request):
        text = request.messages[0].content
        first_is_a = answers_in(request)[0] == "a"
        if "how helpful" in text:
            return "[[A]]" if first_is_a else "[[B]]"
        return ("[[B]]" if first_is_a else "[[A]]") if "how harmless" in text else "[[C]]"

    scores, noted, judge = run(Hhh(), said("a", ["a"]) + said("b", ["b"]), reply)
    assert len(judge.asked) == 6
    assert values(scores, "a", "helpful") == values(scores, "b", "harmless") == [1]
    assert values(scores, "a", "honest") == values(scores, "b", "honest") == [0.5]
    assert noted["honest"]["outcomes"] == {"ties": 1}


def test_scores_side_by_side_are_the_mean_of_both_orders():
    def reply(request):
        # 8 for "a" where it stands first, 7 second; "b" gets 5.
        return "8 5\nso" if answers_in(request)[0] == "a" else "5 7\nso"

    scores, noted, _ = run(ScoredPair(), said("a", ["a"]) + said("b", ["b"]), reply)
    assert values(scores, "a") == [7.5]
    assert values(scores, "b") == [5]
    relative = noted["relative"]["a over b"]
    assert relative["totals"] == [7.5, 5]
    assert relative["ratio"][0] == 150


def test_the_published_protocol_asks_once_with_the_model_second():
    answers = said("a", ["mine"], "theirs")
    _, _, judge = run(ScoredPair(mode="faithful"), answers, ("8 9",))
    assert [answers_in(request) for request in judge.asked] == [("theirs", "mine")]


def test_mathematics_is_worked_out_first_and_its_tuple_read_where_corrected():
    answers = said("a", ["mine"], "theirs", category="math")
    reply = "I solve it.\nSo x = 2.\n(9, 4)"
    scores, _, judge = run(ScoredPair(), answers, (reply,))
    assert "Python tuple" in judge.asked[0].messages[0].content
    assert values(scores, "a") == [6.5]
    scores, _, _ = run(ScoredPair(mode="faithful"), answers, (reply,))
    assert values(scores, "a") == [None]


def test_a_grade_sees_the_reference_where_the_category_asks_for_it():
    for settings, meta, shown in (
        ({}, {"category": "math"}, True),
        ({}, {"category": "writing"}, False),
        ({"reference_for": ("all",)}, {}, True),
    ):
        _, _, judge = run(Graded(**settings), said("a", ["4"], "five", **meta), ("[[6]]",))
        assert ("five" in judge.asked[0].messages[0].content) == shown


def test_grades_are_read_and_counted():
    replies = {"x": "Rating: [[8]]", "y": "eight", "z": "[[12]]"}
    scores, noted, _ = run(
        Graded(), said("a", "xyz"), lambda request: replies[answers_in(request)[0]]
    )
    assert values(scores, "a") == [8, None, None]
    assert noted["unread"] == {"unreadable": 2}


def test_four_levels_are_a_number_a_letter_and_two_shares():
    letters = dict(zip("wxyz", "ABCD", strict=True))
    scores, noted, _ = run(
        FourLevel(), said("a", "wxyz?"), lambda r: f"[[{letters.get(answers_in(r)[0], '')}]]"
    )
    assert values(scores, "a", "four_level") == [4, 3, 2, 1, None]
    assert values(scores, "a", "satisfying") == [1, 0, 0, 0, None]
    assert values(scores, "a", "acceptable") == [1, 1, 0, 0, None]
    assert [s.reason for s in scores if s.metric == "four_level"][:4] == list("ABCD")
    assert noted["levels"] == {"a": {"A": 1, "B": 1, "C": 1, "D": 1, "unscored": 1}}


def test_the_win_rate_of_the_run_is_the_published_aggregate():
    better = judge_of(lambda first, second: float(first > second))
    scores, noted, judge = run(WinRate(), said("a", ["m", "k", "r"], "l"), better)
    assert form_of(judge.asked[0]) == "rank"
    assert values(scores, "a") == [1, 0, 1]
    told = noted["win_rates"]["a"]
    assert told["win_rate"][0] == pytest.approx(200 / 3)
    assert (told["wins"], told["losses"], told["total"]) == (2, 1, 3)
    assert told["standard_error"] == pytest.approx(100 * (1 / 3) ** 0.5 / 3**0.5)


def test_one_order_asks_once_and_always_in_the_same_order():
    answers = said("a", ["m" * n for n in range(2, 9)], "reference text")
    (_, _, one), (_, _, other) = (run(WinRate(orders="one"), answers, FIRST) for _ in range(2))
    assert len(one.asked) == 7
    assert one.asked == other.asked
    assert len({answers_in(request)[0] == "reference text" for request in one.asked}) == 2


def test_the_weighted_win_rate_is_the_probability_of_the_token():
    def reply(request):
        first = answers_in(request)[0] == "mine"
        return Reply(text="m" if first else "M", finish="length", logprobs=(-0.1,))

    judge = Scripted(replies=reply, can=("chat", "logprobs"))
    scores, _, _ = run(WinRate(protocol="weighted"), said("a", ["mine"], "theirs"), judge)
    assert values(scores, "a") == [pytest.approx(0.904837, abs=1e-6)]
    assert judge.asked[0].sampling.max_tokens == 1


def test_the_weighted_win_rate_wants_a_judge_with_probabilities():
    with pytest.raises(ConfigError, match="needs the probability of a token"):
        run(WinRate(protocol="weighted"), said("a", ["x"], "y"), FIRST)


@pytest.mark.parametrize("reply", [Reply(text="n", logprobs=(-0.1,)), Reply(text="m")])
def test_a_token_that_names_neither_or_has_no_probability_is_unreadable(reply):
    judge = Scripted(replies=lambda _: reply, can=("chat", "logprobs"))
    scores, _, _ = run(WinRate(protocol="weighted"), said("a", ["x"], "y"), judge)
    assert values(scores, "a") == [None]


def test_length_control_takes_from_a_judge_of_length_what_length_gave():
    texts = ["x" * (60 + 13 * n % 90) for n in range(60)]
    answers = said("a", texts, "y" * 80)
    raw, _, _ = run(WinRate(), answers, LONGER)
    level, noted, _ = run(LengthControlled(), answers, LONGER)
    rate = 100 * sum(values(raw, "a")) / 60
    controlled = sum(values(level, "a")) / 60
    assert rate > 60
    assert abs(controlled - 50) < abs(rate - 50)
    told = noted["length_controlled"]
    assert told["models"]["a"]["length_controlled"][0] == pytest.approx(controlled)
    assert told["slope"][1] > 1
    assert told["explained"] > 0.5


def test_length_control_asks_what_the_win_rate_asked():
    answers = said("a", ["m", "k"], "l")
    (_, _, one), (_, _, other) = (run(e, answers, FIRST) for e in (WinRate(), LengthControlled()))
    assert one.asked == other.asked

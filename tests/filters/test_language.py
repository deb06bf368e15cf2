"""The language filter: what is in which language, and what is too short to tell."""

import pytest

from didact.errors import ConfigError
from didact.filters.language import Language
from didact.records import Example, Origin

pytest.importorskip("py3langid", reason="needs the extra `text`")


def judge(instruction, output="", **settings):
    return Language(**settings).check(
        Example.single(instruction, output, origin=Origin(recipe="test"))
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Describe in one sentence how a bicycle stays upright while it rolls.", "en"),
        ("Beschreibe in einem Satz, warum ein Fahrrad beim Rollen nicht umfällt.", "de"),
        ("Décris en une phrase pourquoi un vélo reste debout quand il roule.", "fr"),
        ("请用一句话说明自行车为什么在行驶时不会倒下来，并且写出原因。", "zh"),  # noqa: RUF001
        ("Опиши одним предложением, почему велосипед не падает, когда едет.", "ru"),
    ],
)
def test_only_the_languages_wanted_are_kept(text, code):
    assert judge(text, keep=(code,)).keep
    verdict = judge(text, keep=("la",))
    assert (verdict.keep, verdict.reason) == (False, "another language")
    assert verdict.evidence == {"language": code, "sure": 0.5}
    assert 0.5 <= verdict.score <= 1


@pytest.mark.parametrize("text", ["Non.", "17 + 25 = 42", "", "Ça va?", "\N{PARTY POPPER}" * 50])
def test_what_is_too_short_to_tell_stays(text):
    verdict = judge(text)
    assert verdict.keep
    assert verdict.evidence == {"language": "too short to tell"}


def test_the_part_decides_and_how_sure_one_must_be():
    german = "Das Wetter ist heute schön, und wir gehen am Nachmittag in den Wald."
    assert not judge("Translate this sentence to German, please.", german, part="output").keep
    assert judge("Translate this sentence to German, please.", german, part="instruction").keep
    assert judge(german, sure=1.0).keep


def test_settings_that_make_no_sense_are_config_errors():
    with pytest.raises(ConfigError, match="keep"):
        Language(keep=())
    with pytest.raises(ConfigError, match="sure"):
        Language(sure=2)

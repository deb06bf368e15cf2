"""What is private, what only looks so, and that nothing of it is left after redaction."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.text.private import KINDS, find_private, iban_is_valid, luhn_is_valid, redact

KEY = "A7f3Kq9ZpL2mX8vR4tB6"


def kinds(text):
    return [one.kind for one in find_private(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("write to anna.berg+news@mail.berg.se today", ["email"]),
        ("write to anna@example.com or b@host.test", []),
        ("an @ sign, 3@4, and a@b", []),
        ("call +49 30 1234567 now", ["phone"]),
        ("call (212) 736-5000 or 212-736-5001", ["phone", "phone"]),
        ("call +1 212 555 0123, from a film", []),
        ("from 2019-2023, 1,234,567 people, ISBN 978-3-16-148410-0", []),
        ("pay with 4111 1111 1111 1111 please", ["card"]),
        ("pay with 4111 1111 1111 1112 please", []),
        ("pay with 378282246310005", ["card"]),
        ("0000 0000 0000 0000 and 3.14159265358979323846", []),
        ("to GB82 WEST 1234 5698 7654 32.", ["iban"]),
        ("to GB82 WEST 1234 5698 7654 33.", []),
        ("to DE89370400440532013000", ["iban"]),
        ("my number is 536-22-1234", ["ssn"]),
        ("my number is 123-45-6789, 000-12-3456, 666-12-3456", []),
        ("ping 8.8.8.8 and 2001:4860:4860::8888", ["ip", "ip"]),
        ("ping 10.0.0.1, 127.0.0.1, 192.0.2.7, ::1 at 12:30:45 in 300.1.2.3", []),
        (f"key sk-{KEY}abc", ["key"]),
        (f"key ghp_{KEY}{KEY[:16]}", ["key"]),
        ("key AKIAIOSFODNN7QZ3XW2B", ["key"]),
        ("key sk-xxxxxxxxxxxxxxxxxxxxxxxx", []),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", ["key"]),
    ],
)
def test_forms_and_check_digits_decide(text, found):
    assert kinds(text) == found
    assert (redact(text) == text) == (not found)


def test_the_check_digit_of_luhn_finds_every_wrong_digit():
    """ISO/IEC 7812; the number of its own explanation."""
    assert luhn_is_valid("79927398713")
    rng = random.Random(0)
    for _ in range(200):
        digits = [rng.randrange(10) for _ in range(15)]
        [last] = [d for d in range(10) if luhn_is_valid("".join(map(str, [*digits, d])))]
        whole = [*digits, last]
        at = rng.randrange(16)
        whole[at] = (whole[at] + rng.randrange(1, 10)) % 10
        assert not luhn_is_valid("".join(map(str, whole)))


@pytest.mark.parametrize(
    "iban",
    [
        "FR14 2004 1010 0505 0001 3M02 606",
        "NO93 8601 1117 947",
        "CH93 0076 2011 6238 5295 7",
        "ES91 2100 0418 4502 0005 1332",
        "NL91 ABNA 0417 1643 00",
    ],
)
def test_the_remainder_of_an_account_is_one(iban):
    """ISO 13616: the examples of the registry."""
    assert iban_is_valid(iban)
    assert kinds(f"to {iban}, please") == ["iban"]
    assert not iban_is_valid(iban[:-1])
    assert not iban_is_valid(iban[:3] + str((int(iban[3]) + 1) % 10) + iban[4:])


parts = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["4111 1111 1111 1111", " bob@mail.com ", "+4930123456789", " 8.8.8.8", "GB82 WEST 1234 "]
    ),
)


@given(st.lists(parts, max_size=8).map("".join))
def test_places_are_in_order_and_apart_and_nothing_is_left_after_redaction(text):
    found = find_private(text)
    ends = [0]
    for one in found:
        assert ends[-1] <= one.start < one.end <= len(text)
        ends.append(one.end)
    clean = redact(text)
    assert find_private(clean) == []
    assert redact(clean) == clean


def test_only_the_kinds_asked_for_are_found():
    text = "bob@mail.com 8.8.8.8"
    assert redact(text, kinds=["ip"]) == "bob@mail.com [ip]"
    assert redact(text, kinds=[]) == text
    assert redact(text, kinds=KINDS) == "[email] [ip]"


def test_a_number_that_stands_against_a_card_is_redacted_too():
    assert redact("4111 1111 1111 1111+4930123456789") == "[card][phone]"

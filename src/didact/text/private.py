"""What identifies a person or opens a door, found in text by its form and its check digits.

E-mail and IP addresses, telephone numbers, bank cards (Luhn's check digit and a known first digit),
bank accounts (IBAN, ISO 13616: the remainder by 97 is 1, the length that of its country), US social
security numbers, and keys of well-known services. Names and street addresses are not found: that
takes a model. What stands only for examples (example.com, 192.0.2.1, 555-0100) is not private.

Cost: no call of a model; some ten microseconds a kilobyte.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["KINDS", "Kind", "Private", "find_private", "iban_is_valid", "luhn_is_valid", "redact"]

Kind: TypeAlias = Literal["key", "iban", "card", "ssn", "email", "ip", "phone"]

KINDS: tuple[Kind, ...] = ("key", "iban", "card", "ssn", "email", "ip", "phone")
"""In the order they are looked for: what one has found is not looked at by the next."""


class Private(NamedTuple):
    """Where something private stands."""

    start: int
    end: int
    kind: Kind


def find_private(text: str, *, kinds: Sequence[Kind] = KINDS) -> list[Private]:
    """Everything of these kinds, in the order of the text; no two overlap."""
    found: list[Private] = []
    for kind in KINDS:
        if kind not in kinds:
            continue
        pattern, valid = _PATTERNS[kind]
        for match in pattern.finditer(text):
            start, end = match.span()
            if valid(match.group()) and all(end <= one.start or one.end <= start for one in found):
                found.append(Private(start, end, kind))
    return sorted(found)


def redact(text: str, *, kinds: Sequence[Kind] = KINDS) -> str:
    """The text with a mark in the place of each: ``[email]``."""
    # What stood against something private may be found only once that is gone.
    while places := find_private(text, kinds=kinds):
        pieces: list[str] = []
        at = 0
        for one in places:
            pieces += [text[at : one.start], f"[{one.kind}]"]
            at = one.end
        text = "".join([*pieces, text[at:]])
    return text


def luhn_is_valid(number: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812)."""
    digits = [int(digit) for digit in number if digit.isdecimal()]
    odd, even = digits[-1::-2], digits[-2::-2]
    doubled = [2 * digit - 9 if digit > 4 else 2 * digit for digit in even]
    return len(digits) > 1 and (sum(odd) + sum(doubled)) % 10 == 0


def iban_is_valid(iban: str) -> bool:
    """Whether country, length and check digits fit together (ISO 13616, ISO 7064)."""
    plain = re.sub(r"[ -]", "", iban).upper()
    if len(plain) != _IBAN_LENGTHS.get(plain[:2], -1) or not re.fullmatch(r"[A-Z0-9]+", plain):
        return False
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def _card_is_valid(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    # Visa, Mastercard, American Express, Discover, JCB, Diners Club, UnionPay.
    known = re.match(r"4|5[1-5]|2[2-7]|3[4-9]|6[0245]", digits)
    return bool(known) and 13 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn_is_valid(text)


def _email_is_private(text: str) -> bool:
    domain = text.rpartition("@")[2].lower()
    return not re.search(r"(?:^|\.)example(?:\.(?:com|org|net|edu))?$|\.(?:test|invalid)$", domain)


def _ip_is_private(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def _phone_is_private(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    # 555-01xx is kept free for fiction; fewer than seven digits are no number, more than 15 too.
    return 7 <= len(digits) <= 15 and len(set(digits)) > 2 and not re.search(r"55501\d\d$", digits)


def _ssn_is_valid(text: str) -> bool:
    area, group, serial = text.split("-")
    unused = area in {"000", "666"} or area.startswith("9") or group == "00" or serial == "0000"
    return not unused and text not in {"078-05-1120", "123-45-6789", "219-09-9999"}


def _key_is_real(text: str) -> bool:
    # A key is random: "sk-xxxxxxxxxxxxxxxxxxxxxxxx" and "your-key-here" are not.
    return text.startswith("-----") or len(set(text.lower())) >= 10


_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FO FI GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN",
        21: "HR LV LI CH", 22: "BH BG CR GE DE IE ME RS GB VA", 23: "AE IL GI IQ TL OM SO",
        24: "AD CZ MD PK RO SA SK ES SE TN VG DZ", 25: "LY PT ST", 26: "IS TR",
        27: "FR GR IT MR MC SM BI DJ", 28: "AL AZ BY CY DO GT HU LB PL SV NI",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
"""Letters and digits of an account number, by the country it begins with."""

_PATTERNS: dict[Kind, tuple[re.Pattern[str], Callable[[str], bool]]] = {
    "key": (
        re.compile(
            r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:[^-]{0,10000}-----END [A-Z ]{0,40}-----)?"
            r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
            r"|\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_\w{22,255}\b"
            r"|\bsk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{20,200}\b"
            r"|\bhf_[A-Za-z0-9]{30,60}\b|\bglpat-[\w-]{20,40}\b"
            r"|\bxox[abprs]-[A-Za-z0-9-]{10,200}\b"
            r"|\bAIza[\w-]{35}\b|\b[sr]k_live_[A-Za-z0-9]{16,200}\b"
            r"|\beyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}\b"
        ),
        _key_is_real,
    ),
    "iban": (re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{1,4}){3,8}\b"), iban_is_valid),
    "card": (re.compile(r"(?<![\w.,-])\d(?:[ -]?\d){12,18}(?![\w-]|[.,]\d)"), _card_is_valid),
    "ssn": (re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), _ssn_is_valid),
    "email": (
        re.compile(
            r"(?<![\w.+-])[A-Za-z0-9][\w.+%-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"
        ),
        _email_is_private,
    ),
    "ip": (
        re.compile(
            r"(?<![\w.:])(?:(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4})"
            r"(?![\w:]|\.\w)"
        ),
        _ip_is_private,
    ),
    "phone": (
        re.compile(
            r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,5}"
            r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4})(?![\w-]|\.\d)"
        ),
        _phone_is_private,
    ),
}

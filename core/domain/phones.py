"""Phone numbers: their one canonical text, and what Mainstay can hold of them.

A canonical phone is E.164, with ``;ext=5`` behind it where there is an extension: ``+16175550100;ext=5``.
Numbers are judged by their length for the country (possible), never by whether they are given out (valid):
a platform holds numbers such as 555-010-9999 all the same.
"""

import re
import unicodedata
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

_DASHES = re.compile("[\u2010-\u2015\u2212]")
# Anything else around the digits makes the text no phone: it is never cut down to one, and letters are
# never dialled ("1-800-FLOWERS"), both of which the library would do.
_SHAPE = re.compile(
    r"(?:tel:)?\s*(?P<number>\(?\+?[0-9(][0-9()\-./\s]*?)"
    r"(?:[\s,]*(?:;ext=|extension|extn\.?|ext\.?|x|#)[\s:.]*(?P<extension>[0-9]{1,7}))?",
    re.IGNORECASE,
)
_MAX_CHARACTERS = 60
# What the library makes of these is known by their form alone, and most numbers have it: reading one by the
# library costs as much as all the other fields of a contact together.
_NORTH_AMERICAN = re.compile(r"\+1[2-9][0-9]{9}")
_TEN_DIGITS = re.compile(r"[2-9][0-9]{9}")
_TEN_DIGIT_REGIONS = frozenset({"US", "CA"})
_NO_REGION = "ZZ"  # the library's own word for it: national numbers are then refused


def e164(text: str, region: str) -> str | None:
    """The canonical phone of ``text``; None if it is not one phone and nothing else.

    ``region`` (ISO 3166, such as ``US``) says which country a number without ``+`` belongs to.
    """
    if _NORTH_AMERICAN.fullmatch(text):
        return text
    if region in _TEN_DIGIT_REGIONS and _TEN_DIGITS.fullmatch(text):
        return f"+1{text}"
    return read(text, region)


@lru_cache(maxsize=4096)
def read(text: str, region: str) -> str | None:
    """``e164`` by the library, whatever the text."""
    plain = _DASHES.sub("-", unicodedata.normalize("NFKC", text)).strip()
    shape = _SHAPE.fullmatch(plain) if len(plain) <= _MAX_CHARACTERS else None
    if shape is None:
        return None
    try:
        number = phonenumbers.parse(shape["number"], region)
    except NumberParseException:
        return None
    # A local number (seven digits in the US) is "possible" too, but nobody outside its town can call it.
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    extension = f";ext={shape['extension']}" if shape["extension"] else ""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) + extension


def is_phone(canonical: str) -> bool:
    """Whether a canonical text is a phone number (and not the text of something that isn't one)."""
    return canonical.startswith("+") and e164(canonical, _NO_REGION) == canonical


@lru_cache(maxsize=4096)
def national_digits(canonical: str) -> str | None:
    """A canonical phone's national number, ten digits; None with an extension or another length."""
    if _NORTH_AMERICAN.fullmatch(canonical):
        return canonical[2:]
    if ";" in canonical or not is_phone(canonical):
        return None
    digits = phonenumbers.national_significant_number(phonenumbers.parse(canonical, _NO_REGION))
    return digits if len(digits) == 10 else None


def national_ten(canonical: str, region: str) -> str | None:
    """The ten digits that Mainstay can hold, or None: other country, extension, not ten digits, no phone.

    Source: Standard Contact Fields Data Dictionary ("10 digits, no other characters"), read 2026-11-23.
    """
    digits = national_digits(canonical)
    if digits is None or e164(digits, region) != canonical:
        return None
    return digits


def readable(canonical: str) -> str:
    """A canonical phone as people write it behind a phone number: ``+16175550100 ext 5``."""
    return canonical.replace(";ext=", " ext ")

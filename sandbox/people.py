"""Believable made-up people, the same for the same seed on both platforms.

Phones are valid US numbers of real area codes (exchange 555 first); e-mail addresses end in ``.example``.
"""

import random
from dataclasses import dataclass

FIRST = """Ava Liam Maya Noah Zoë Ethan Priya Lucas Amara Owen Sofía Elijah Mei Caleb Nadia José Harper Darius
Fatima Miles Ingrid Tomás Leila Jonah Keiko Marcus Rosa Anders Imani Felix Camila Theo Yusuf Grace Mateo
Hannah Kofi Elena Patrick Aisha""".split()
LAST = """Nguyen García O'Brien Patel Johnson Kim Okafor Smith Rossi Müller Williams Haddad Silva Brown Chen
Kowalski Jackson Andersson Martínez Singh Taylor Osei Fischer Moore Santos Clark Ivanov Lopez Wright Tanaka
Adams Novak Perez Hughes Mensah Young Romero Baker Cohen Diaz""".split()
PLACES = (
    ("617", "Boston", "MA", "02118"),
    ("212", "New York", "NY", "10027"),
    ("404", "Atlanta", "GA", "30303"),
    ("206", "Seattle", "WA", "98105"),
    ("312", "Chicago", "IL", "60607"),
    ("503", "Portland", "OR", "97201"),
    ("713", "Houston", "TX", "77004"),
    ("303", "Denver", "CO", "80204"),
    ("215", "Philadelphia", "PA", "19104"),
    ("615", "Nashville", "TN", "37209"),
)
PROGRAMS = ("Nursing", "Biology", "Computer Science", "Business", "History", "Education")
STATUSES = ("Inquiry", "Applied", "Admitted", "Deposited")
_PLAIN = str.maketrans("ëíéáóüñ'", "eieaoun-")


@dataclass(frozen=True, slots=True)
class Person:
    """One made-up prospective student. ``phone`` has ten digits, ``birth_date`` is ``YYYY-MM-DD``."""

    first_name: str
    last_name: str
    phone: str
    email: str
    city: str
    state: str
    postal_code: str
    birth_date: str
    program: str
    application_status: str


def make_people(count: int, seed: int = 1, start: int = 0) -> list[Person]:
    """People number ``start`` to ``start + count - 1``; number n is the same person in every call."""
    return [_person(number, seed) for number in range(start, start + count)]


def _person(number: int, seed: int) -> Person:
    chance = random.Random(f"{seed}/{number}")
    # Walking both lists in step with a shift meets every pair of names before one comes again.
    first = FIRST[(number + seed) % len(FIRST)]
    last = LAST[(number * 7 + number // len(FIRST) + seed) % len(LAST)]
    area, city, state, postal_code = PLACES[number % len(PLACES)]
    mailbox = f"{first}.{last}".lower().translate(_PLAIN).replace("-", "")
    suffix = "" if number < len(FIRST) else str(number)
    return Person(
        first_name=first,
        last_name=last,
        phone=area + _local_number(number // len(PLACES)),
        email=f"{mailbox}{suffix}@mail.example",
        city=city,
        state=state,
        postal_code=postal_code,
        birth_date=f"{chance.randint(2002, 2008)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
        program=chance.choice(PROGRAMS),
        application_status=chance.choice(STATUSES),
    )


def _local_number(number: int) -> str:
    """Seven digits: 555-0100 to 555-0199 first (kept free for fiction), then ordinary exchanges."""
    if number < 100:
        return f"555{100 + number:04}"
    return f"{2_220_000 + number}"

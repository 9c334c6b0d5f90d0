"""Search filters: how one record's values answer them.

Source: https://developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm, 2026-03 (facts §4.5):
without regard to case, except enumerations (exact) and IN / NOT_IN on text (values must be lower-case).
"""

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from sandbox.clock import parse_ms
from sandbox.hubspot.catalogue import Catalogue, Property
from sandbox.messages import JsonObject

OPERATORS = frozenset(
    """LT LTE GT GTE EQ NEQ BETWEEN IN NOT_IN HAS_PROPERTY NOT_HAS_PROPERTY
    CONTAINS_TOKEN NOT_CONTAINS_TOKEN""".split()
)
MAX_GROUPS, MAX_FILTERS, MAX_FILTERS_IN_ALL = 5, 6, 18
QUERY_PROPERTIES = "firstname lastname email phone hs_additional_emails fax mobilephone company".split()
Values = Mapping[str, str]
Test = Callable[[Values], bool]


def compiled(groups: object, catalogue: Catalogue) -> Test:
    """One test for the whole ``filterGroups``. Raises ``ValueError`` for what HubSpot refuses."""
    if not isinstance(groups, list):
        raise ValueError("filterGroups must be a list")
    if len(groups) > MAX_GROUPS:
        raise ValueError(f"at most {MAX_GROUPS} filterGroups")
    lists = [group.get("filters", []) for group in groups]
    if any(len(filters) > MAX_FILTERS for filters in lists):
        raise ValueError(f"at most {MAX_FILTERS} filters in a group")
    if sum(map(len, lists)) > MAX_FILTERS_IN_ALL:
        raise ValueError(f"at most {MAX_FILTERS_IN_ALL} filters in all")
    alternatives = [[_compiled_filter(each, catalogue) for each in filters] for filters in lists]
    if not alternatives:
        return lambda values: True
    return lambda values: any(all(test(values) for test in tests) for tests in alternatives)


def _compiled_filter(each: JsonObject, catalogue: Catalogue) -> Test:
    name, operator = str(each.get("propertyName", "")), str(each.get("operator", ""))
    definition = catalogue.get(name)
    if definition is None:
        raise ValueError(f"There is no property {name}")
    if operator not in OPERATORS:
        raise ValueError(f"unknown operator {operator}")
    if operator == "HAS_PROPERTY":
        return lambda values: bool(values.get(name))
    if operator == "NOT_HAS_PROPERTY":
        return lambda values: not values.get(name)
    if operator in ("IN", "NOT_IN"):
        return _membership(definition, each, negated=operator == "NOT_IN")
    if "value" not in each:
        raise ValueError(f"{operator} needs a value")
    wanted = str(each["value"])
    if operator.endswith("CONTAINS_TOKEN"):
        return _token_test(name, wanted, negated=operator.startswith("NOT"))
    return _comparison(definition, operator, wanted, str(each.get("highValue", "")))


def _membership(definition: Property, each: JsonObject, negated: bool) -> Test:
    wanted = each.get("values")
    if not isinstance(wanted, list):
        raise ValueError("IN and NOT_IN need values")
    chosen = {str(value) for value in wanted}
    name, exact = definition.name, definition.type == "enumeration"
    if definition.type in ("number", "date", "datetime"):
        numbers = {_number(definition, value) for value in chosen}
        return lambda values: (name in values and _number(definition, values[name]) in numbers) != negated

    def test(values: Values) -> bool:
        value = values.get(name, "")
        parts = value.split(";") if definition.is_multiple else [value if exact else value.lower()]
        return (value != "" and any(part in chosen for part in parts)) != negated

    return test


def tokens(text: str) -> list[str]:
    return re.findall(r"[\w*]+", text.lower())


def _token_test(name: str, wanted: str, negated: bool) -> Test:
    patterns = tokens(wanted)

    def test(values: Values) -> bool:
        present = tokens(values.get(name, ""))
        found = bool(patterns) and all(any(fnmatchcase(t, p) for t in present) for p in patterns)
        return found != negated

    return test


def _comparison(definition: Property, operator: str, wanted: str, high: str) -> Test:
    name = definition.name

    def key(value: str) -> float | str:
        if definition.type in ("number", "date", "datetime"):
            return _number(definition, value)
        return value if definition.type == "enumeration" else value.lower()

    low_key = key(wanted)
    if operator in ("EQ", "NEQ"):
        return lambda values: (_equals(definition, values.get(name, ""), key, low_key)) == (operator == "EQ")
    if operator == "BETWEEN":
        high_key = key(high)
        return lambda values: bool(values.get(name)) and low_key <= key(values[name]) <= high_key  # type: ignore[operator]
    compare: dict[str, Callable[[float | str, float | str], bool]] = {
        "LT": lambda a, b: a < b,  # type: ignore[operator]
        "LTE": lambda a, b: a <= b,  # type: ignore[operator]
        "GT": lambda a, b: a > b,  # type: ignore[operator]
        "GTE": lambda a, b: a >= b,  # type: ignore[operator]
    }
    chosen = compare[operator]
    return lambda values: bool(values.get(name)) and chosen(key(values[name]), low_key)


def _equals(definition: Property, value: str, key: Callable[[str], float | str], wanted: float | str) -> bool:
    if not value:
        return False
    if definition.is_multiple:
        return wanted in value.split(";") or value == wanted
    return key(value) == wanted


def _number(definition: Property, value: str) -> float:
    if definition.type == "number":
        return float(value)
    return float(parse_ms(value))


def query_test(query: str) -> Test:
    """Free text over the documented properties: every word must begin some token of them. A phone is also
    found by its area code and local number, as ``hs_searchable_calculated_phone_number`` holds them."""
    words = [word.strip("*") for word in tokens(query)]

    def test(values: Values) -> bool:
        present = [t for name in QUERY_PROPERTIES for t in tokens(values.get(name, ""))]
        phones = (re.sub(r"\D", "", values.get(name, "")) for name in ("phone", "mobilephone"))
        present += [digits[-10:] for digits in phones if digits]
        return all(any(token.startswith(word) for token in present) for word in words)

    return test

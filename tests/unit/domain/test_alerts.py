"""What becomes of findings, and when a platform counts as silent: tables."""

import pytest

from core.domain.alerts import CLEAR_MS, RULES, Finding, Known, Rule, judge
from core.domain.silence import DAY_MS, LEAST_LOOK_MS, WEEK_MS, same_hours_before, sign

NOW = 10 * WEEK_MS
HOUR_MS = 3_600_000
ALL = frozenset(Rule)


def finding(rule: Rule = Rule.HELD, subject: str = "1") -> Finding:
    return Finding(rule, subject, "title", "text", "/path")


def known(seen_ms: int, rule: Rule = Rule.HELD, resolved_ms: int | None = None) -> Known:
    return Known(7, rule, f"{rule}:1", seen_ms, resolved_ms)


def test_every_rule_has_its_words() -> None:
    assert set(RULES) == set(Rule)
    for text in RULES.values():
        assert text.title and text.explained.endswith(".") and text.unit and text.threshold >= 1


def test_what_is_new_is_opened_once() -> None:
    verdict = judge([finding(), finding()], [], {}, ALL, NOW)
    assert verdict.opened == [finding()] and not verdict.seen and not verdict.resolved


def test_what_lasts_is_neither_opened_nor_resolved() -> None:
    verdict = judge([finding()], [known(NOW - DAY_MS)], {}, ALL, NOW)
    assert verdict.seen == {7: finding()} and not verdict.opened and not verdict.resolved


@pytest.mark.parametrize(("ago_ms", "resolved"), [(CLEAR_MS - 1, []), (CLEAR_MS, [7])])
def test_what_is_gone_is_resolved_after_a_while(ago_ms: int, resolved: list[int]) -> None:
    assert judge([], [known(NOW - ago_ms)], {}, ALL, NOW).resolved == resolved


def test_a_rule_that_could_not_be_looked_at_leaves_its_alerts() -> None:
    assert judge([], [known(0)], {}, ALL - {Rule.HELD}, NOW).resolved == []


@pytest.mark.parametrize(
    ("rule", "ago_ms", "quiet"),
    [
        (Rule.NEW_CAUSE, 24 * HOUR_MS - 1, True),
        (Rule.NEW_CAUSE, 24 * HOUR_MS, False),
        (Rule.HELD, 1, False),
    ],
)
def test_a_cause_that_comes_back_within_a_day_is_not_told_again(rule: Rule, ago_ms: int, quiet: bool) -> None:
    before = known(NOW - ago_ms, rule, NOW - ago_ms)
    verdict = judge([finding(rule)], [], {before.key: before}, ALL, NOW)
    assert bool(verdict.reopened) is quiet and bool(verdict.opened) is not quiet


@pytest.mark.parametrize(
    ("first_ago_ms", "gap_ms", "before"),
    [
        (3 * WEEK_MS, 5 * HOUR_MS, (WEEK_MS + 5 * HOUR_MS, WEEK_MS)),
        (3 * DAY_MS, 5 * HOUR_MS, (DAY_MS + 5 * HOUR_MS, DAY_MS)),
        (3 * DAY_MS, 60_000, (DAY_MS + LEAST_LOOK_MS, DAY_MS)),
        (20 * HOUR_MS, 5 * HOUR_MS, None),
    ],
)
def test_a_gap_is_held_against_the_same_hours_before(
    first_ago_ms: int, gap_ms: int, before: tuple[int, int] | None
) -> None:
    expected = before and (NOW - before[0], NOW - before[1])
    assert same_hours_before(NOW - first_ago_ms, NOW - gap_ms, NOW) == expected


def test_nobody_who_never_sent_is_silent() -> None:
    assert same_hours_before(0, 0, NOW) is None
    assert not sign(0, NOW, 0, 0).silent(1, 0)


@pytest.mark.parametrize(
    ("gap_ms", "busy", "silent"),
    [
        (4 * HOUR_MS, 60, True),
        (4 * HOUR_MS, 9, False),  # a quiet night
        (2 * HOUR_MS, 60, False),  # not yet
        (3 * HOUR_MS, 10, True),
    ],
)
def test_silence_is_a_long_gap_in_busy_hours(gap_ms: int, busy: int, silent: bool) -> None:
    seen = sign(NOW - gap_ms, NOW, max(gap_ms, LEAST_LOOK_MS), busy)
    assert seen.silent(3 * 3600, 10) is silent


def test_the_usual_distance_is_told_also_while_all_is_well() -> None:
    assert sign(NOW - 60_000, NOW, LEAST_LOOK_MS, 45).usual_s == 240

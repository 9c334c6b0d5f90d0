"""Times on the command line and in print."""

import pytest

from console.times import rfc3339, short, span, time_ms

NOW_MS = 1_795_428_000_123  # 2026-11-23T10:00:00.123Z


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("2h", NOW_MS - 7_200_000),
        ("90s", NOW_MS - 90_000),
        ("1.5d", NOW_MS - 129_600_000),
        ("2H ago", NOW_MS - 7_200_000),
        ("1w", NOW_MS - 604_800_000),
        ("now", NOW_MS),
        ("today", 1_795_392_000_000),
        ("yesterday", 1_795_305_600_000),
        ("2026-11-23", 1_795_392_000_000),
        ("2026-11-23T10:00:00Z", 1_795_428_000_000),
        ("2026-11-23T10:00:00.123Z", NOW_MS),
        ("2026-11-23T12:00:00+02:00", 1_795_428_000_000),
        ("2026-11-23 10:00", 1_795_428_000_000),
    ],
)
def test_times_as_people_write_them(text, expected_ms):
    assert time_ms(text, NOW_MS) == expected_ms


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("2026-11-23", 1_795_478_400_000),
        ("today", 1_795_478_400_000),
        ("yesterday", 1_795_392_000_000),
        ("2026-11-23T10:00:00Z", 1_795_428_000_000),
        ("2h", NOW_MS - 7_200_000),
    ],
)
def test_a_date_as_an_end_counts_whole(text, expected_ms):
    assert time_ms(text, NOW_MS, end=True) == expected_ms


@pytest.mark.parametrize("text", ["", "soon", "2x", "2026-13-01", "h", "-2h", "12:00", "1e400d"])
def test_anything_else_is_refused_with_a_hint(text):
    with pytest.raises(ValueError, match="write it like 2h"):
        time_ms(text, NOW_MS)


def test_printing():
    assert rfc3339(NOW_MS) == "2026-11-23T10:00:00.123Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert time_ms(rfc3339(NOW_MS), 0) == NOW_MS
    assert short(NOW_MS) == "2026-11-23 10:00:00"
    assert short(None) == ""
    assert [span(s) for s in (0, 59, 119, 120, 7200, 200_000)] == [
        "0 s",
        "59 s",
        "119 s",
        "2 min",
        "2 h",
        "2 d",
    ]


def test_times_are_read_and_shown_in_a_zone():
    from console.times import local, time_ms, zone_names, zone_of

    new_york = zone_of("America/New_York")
    at_ms = time_ms("2026-11-23T10:00", 0, zone=new_york)
    assert local(at_ms, "UTC") == "2026-11-23 15:00:00 UTC"
    assert local(at_ms, "America/New_York") == "2026-11-23 10:00:00 EST"
    assert local(at_ms, "Asia/Kolkata") == "2026-11-23 20:30:00 IST"
    assert local(at_ms, "No/Such") == "2026-11-23 15:00:00 UTC"
    day_ms = time_ms("2026-11-23", 0, end=True, zone=new_york) - time_ms("2026-11-23", 0, zone=new_york)
    assert day_ms == 24 * 3600 * 1000
    assert zone_names()[0] == "UTC" and "Europe/Berlin" in zone_names()

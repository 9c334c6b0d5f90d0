"""Progress off a terminal: now and then a plain line on stderr, never anything on stdout."""

import pytest

from console.cli.progress import LINE_EVERY_S, Progress


def test_a_line_every_few_seconds_and_only_when_something_moved(capsys: pytest.CaptureFixture[str]) -> None:
    now_s = [0.0]
    with Progress("Looking", clock_s=lambda: now_s[0]) as tell:
        tell(100, 5000)
        now_s[0] += LINE_EVERY_S
        tell(1200, 5000, "3 error")
        now_s[0] += LINE_EVERY_S
        tell(1200, 5000, "3 error")
        tell(1300, None)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["Looking: 1,200 of about 5,000 (3 error)", "Looking: 1,300"]


def test_where_the_result_is_seen_as_it_comes_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    now_s = [0.0]
    with Progress("Looking", quiet=True, clock_s=lambda: now_s[0]) as tell:
        now_s[0] += LINE_EVERY_S
        tell(1200, 5000)
    assert capsys.readouterr() == ("", "")

"""The alert rules and the dashboard ask for metrics that there are, by labels that these have. promtool does
the rest (`make check-deploy`)."""

import json
import re
from itertools import combinations
from pathlib import Path

import yaml

from console.reference import metrics
from tests.deploy.test_runbook import DEPLOY, RULES

PANELS = json.loads((DEPLOY / "grafana" / "crosswalk.json").read_text())["panels"]
TRIED = yaml.safe_load((Path(__file__).parent / "crosswalk-rules-test.yaml").read_text())
LABELS = {metrics.name_of(one): {*metrics.labels_of(one), "le"} for one in metrics.known()}
_SELECTOR = re.compile(r"(crosswalk_\w+)(?:\{([^}]*)\})?")


def unknown(expression: str) -> list[str]:
    """The metrics and labels of an expression that deploy/metrics.md does not know."""
    found = []
    for name, selector in _SELECTOR.findall(expression):
        bare = re.sub(r"_(bucket|sum|count)$", "", name)
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
        if not labels <= LABELS.get(bare, set()):
            found.append(f"{name}{sorted(labels)}")
        found += [] if bare in LABELS else [name]
    used = {label for name, _ in _SELECTOR.findall(expression) for label in LABELS.get(name, {"le"})}
    used |= {"le", *(label for labels in LABELS.values() for label in labels if "_bucket" in expression)}
    grouped = {
        one.strip() for some in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for one in some.split(",")
    }
    return found + sorted(grouped - used)


def test_the_check_finds_what_is_wrong() -> None:
    assert unknown('sum by (code) (rate(crosswalk_outcomes_total{outcome="dead"}[5m]))') == []
    assert unknown("crosswalk_outcome_total") == ["crosswalk_outcome_total"]
    assert unknown('crosswalk_reachable{queue="a"}') == ["crosswalk_reachable['queue']"]
    assert unknown("max by (account) (crosswalk_queue_depth_messages)") == ["account"]


def test_the_rules_ask_for_metrics_that_there_are() -> None:
    for rule in RULES:
        assert unknown(rule["expr"]) == [], rule["alert"]
        assert re.search(r"\bup\b|crosswalk_", rule["expr"]), rule["alert"]


def test_every_rule_says_how_urgent_it_is_and_what_is_the_matter() -> None:
    for rule in RULES:
        assert rule["labels"] in ({"severity": "critical"}, {"severity": "warning"}), rule["alert"]
        assert re.fullmatch(r"[A-Z{].+\.", rule["annotations"]["summary"]), rule["alert"]


def test_every_rule_is_tried() -> None:
    fired = {
        name
        for group in TRIED["tests"]
        for case in group.get("promql_expr_test", ())
        for sample in case["exp_samples"]
        for name in re.findall(r'alertname="(\w+)"', sample["labels"])
    }
    assert fired == {rule["alert"] for rule in RULES}


def metrics_of(expressions: list[str]) -> set[str]:
    found = {name for one in expressions for name, _ in _SELECTOR.findall(one)}
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    for panel in PANELS:
        for target in panel.get("targets", ()):
            assert unknown(target["expr"]) == [], panel["title"]
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= {
                *re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))),
                *("alertname", "severity", "instance"),  # of ALERTS and up
            }, panel["title"]


def test_the_dashboard_shows_every_metric_those_with_an_alert_included() -> None:
    shown = metrics_of([target["expr"] for panel in PANELS for target in panel.get("targets", ())])
    assert shown == set(LABELS)
    assert metrics_of([rule["expr"] for rule in RULES]) <= shown


def test_every_panel_says_what_it_shows_and_covers_no_other() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["title"] and (panel["type"] == "row" or panel["description"]), panel["id"]
    places = [
        {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        for at in (panel["gridPos"] for panel in PANELS)
    ]
    assert all(not one & other for one, other in combinations(places, 2))
    assert max(x for place in places for x, _ in place) == 23

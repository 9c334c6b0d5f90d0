"""The pages that are made from the code are those of this code."""

import ast
import re
from dataclasses import fields
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from console.reference import api, metrics, settings
from core.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
STALE = "run `make reference` and commit what it writes"


def test_every_setting_has_a_meaning_and_the_page_is_current() -> None:
    told = [variable for section in settings.MEANINGS.values() for variable in section]
    assert len(told) == len(set(told))
    assert set(told) == {one.metadata["variable"] for one in fields(Settings)}
    assert (DEPLOY / "settings.md").read_text() == settings.page(), STALE


def test_the_api_page_is_current() -> None:
    assert (DEPLOY / "api.md").read_text() == api.page(api.document()), STALE


def test_every_metric_is_told_with_its_unit_and_labels_and_the_page_is_current() -> None:
    names = [metrics.name_of(one) for one in metrics.known()]
    assert len(names) == len(set(names))
    assert set(metrics.UNITS) == set(names)
    assert set(metrics.LABELS) == {label for one in metrics.known() for label in metrics.labels_of(one)}
    assert (DEPLOY / "metrics.md").read_text() == metrics.page(), STALE


def test_a_metrics_name_ends_in_its_unit() -> None:
    for one in metrics.known():
        name = metrics.name_of(one)
        unit = "total" if name.endswith("_total") else metrics.UNITS[name]
        assert name.endswith(f"_{unit}") or unit == "0 or 1" or unit in name.split("_"), name
        assert re.fullmatch(r"crosswalk(_[a-z]+)+", name), name


def test_metrics_are_made_in_one_place_only() -> None:
    kinds = {one.__name__ for one in MetricWrapperBase.__subclasses__()}
    made = []
    for room in ("core", "consumers", "webhooks", "console", "sandbox"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module == "prometheus_client":
                    made += [path.name for name in node.names if name.name in kinds]
    assert set(made) == {"metrics.py", "telemetry.py"}  # telemetry.py knows a Gauge by its type
    calls = re.findall(
        r"\b(?:Counter|Gauge|Histogram|Summary)\(\s*\"", (ROOT / "core/telemetry.py").read_text()
    )
    assert calls == []

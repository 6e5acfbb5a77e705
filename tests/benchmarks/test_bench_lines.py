"""The lines of the benchmark have their promised shape; no time is measured here."""

from __future__ import annotations

import json

import pytest

from counter_app.benchmarks import figures
from counter_app.benchmarks.figures import Figure
from counter_app.commands import bench


def test_a_line_of_json_has_exactly_the_promised_fields() -> None:
    line = Figure("top_up.sqlite", 2.123456, "ratio", 2.5, "plain sqlcipher3").to_json()
    assert json.loads(line) == {
        "name": "top_up.sqlite",
        "value": 2.1235,
        "unit": "ratio",
        "limit": 2.5,
        "against": "plain sqlcipher3",
    }
    assert "\n" not in line


@pytest.mark.parametrize(("value", "short"), [(2.4, False), (2.5, False), (2.51, True)])
def test_only_above_its_limit_a_figure_falls_short(value: float, short: bool) -> None:
    figure = Figure("x", value, "ratio", 2.5, "y")
    assert figure.falls_short is short
    assert figure.to_line().startswith("SHORT" if short else "ok ")


def test_sides_run_in_turn_and_the_best_median_of_each_counts() -> None:
    order: list[str] = []
    answers = {"a": iter([9.0, 1.0, 5.0, 8.0, 7.0, 6.0]), "b": iter([3.0, 3.0, 30.0, 4.0, 4.0, 4.0])}

    def side(name: str) -> float:
        order.append(name)
        return next(answers[name])

    assert figures.in_turn((lambda: side("a"), lambda: side("b")), rounds=2, each=3) == [5.0, 3.0]
    assert order == ["a", "b"] * 6


def test_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert figures.percentile(values, 0.99) == 99.0
    assert figures.percentile(values, 0.5) == 50.0
    assert figures.percentile([7.0], 0.999) == 7.0
    with pytest.raises(ValueError, match="needs values"):
        figures.percentile([], 0.5)


def test_receipts_are_within_their_bytes_and_the_status_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("receipt.bytes_58mm", "receipt.bytes_80mm")
    status = bench.main(["--json", "--quick", *(word for name in names for word in ("--only", name))])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["name"] for line in lines] == list(names)
    assert status == 0
    assert all(line["value"] <= line["limit"] for line in lines)


def test_an_unknown_name_is_a_wrong_call() -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(["--only", "nothing"])
    assert ended.value.code == 2

"""The drift monitor: silent on rows like those it knows, ringing where they moved, whatever the contract."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import write_contract
from scipy import stats

from project import contract, drift, predictor, problem, stage, table

TELLING = 100  # rows of reference from which a shift of a part of the rows can be told from chance

Batches = tuple[drift.Batch, pd.DataFrame, problem.Problem, predictor.Predictor]


@pytest.fixture
def batches(inside: Path) -> Batches:
    """Give the reference, the test rows, and what turns rows into a batch."""
    data, capstone = contract.load()
    model = predictor.Predictor(features=data.features)
    posed = problem.Problem(data, capstone.task, model.labels)
    reference = drift.batch(model, drift.read_reference(posed, contract.load_parameters(), drift.MOST))
    return reference, table.read(inside / "data/splits/test.csv", data), posed, model


def logged(body: str, number: int = 0) -> str:
    """Give a line of the log."""
    answer = {"predictions": [{"id": f"a{number}-0"}]}
    return json.dumps({"time": "", "inputs": json.loads(body), "answer": answer})


def skip_if_few(batches: Batches) -> None:
    """Skip a test of alarms where the table is too small for any to be sure."""
    if len(batches[0]) < TELLING:
        pytest.skip(f"{len(batches[0])} rows of reference are too few to tell")


def alarm(batches: Batches, rows: pd.DataFrame) -> list[drift.Comparison]:
    """Give what moved in `rows`."""
    reference, _, posed, model = batches
    return [one for one in drift.compare(reference, drift.batch(model, posed.inputs(rows))) if one.moved]


def test_resamples_are_silent(batches: Batches) -> None:
    """Of forty batches drawn from the test rows at most two ring."""
    rows = batches[1]
    drawn = [rows.sample(len(rows), replace=True, random_state=seed) for seed in range(40)]
    assert sum(bool(alarm(batches, batch)) for batch in drawn) <= 2


def test_a_shift_rings_and_is_named(batches: Batches) -> None:
    """Each feature that moves is among those named: numbers by two deviations, categories to their rarest."""
    skip_if_few(batches)
    rows, posed = batches[1].sample(500, replace=True, random_state=0), batches[2]
    for field in [f for f in posed.data.features if not f.dated][:5]:
        values = rows[field.name]
        names = not field.numeric and 2 * batches[1][field.name].nunique() > len(batches[1])  # which hardly recur
        few = min(values.count(), batches[1][field.name].count()) < TELLING
        if values.nunique() < 3 or names or few:
            continue
        moved = values + 2 * values.std() if field.numeric else values.value_counts().index[-1]
        assert field.name in [one.name for one in alarm(batches, rows.assign(**{field.name: moved}))], field.name


def test_values_that_go_missing_ring(batches: Batches) -> None:
    """A fifth of a feature missing is an alarm about what is missing."""
    skip_if_few(batches)
    rows, posed = batches[1].sample(500, replace=True, random_state=0), batches[2]
    field = next((f for f in posed.data.features if not f.dated), None)
    if field is None:
        pytest.skip("every feature is a date")
    empty: Any = np.nan if field.numeric else ""
    gone = rows[field.name].mask(np.arange(len(rows)) % 5 == 0, empty)
    found = alarm(batches, rows.assign(**{field.name: gone}))
    assert (field.name, "missing") in [(one.name, one.of) for one in found]


def test_the_log_says_what_the_table_says(batches: Batches, inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that went through the service's log are compared as they are in a table; other lines are counted."""
    _, rows, posed, _ = batches
    bodies = posed.requests(rows)
    lines = [logged(body) for body in bodies]
    (inside / "log.jsonl").write_text("\n".join(['{"inputs":{"other": 1}}', *lines, '{"inp']) + "\n", encoding="utf-8")
    found = {}
    for name in ("log.jsonl", "data/splits/test.csv"):
        monkeypatch.setattr("sys.argv", ["drift", name])
        drift.main()
        found[name] = stage.read_json(drift.REPORT)
    log, of_table = found.values()
    in_log, in_table = (sorted(one["comparisons"], key=lambda c: (c["of"], c["name"])) for one in (log, of_table))
    for one, other in zip(in_log, in_table, strict=True):  # the last bits of an answer hang on the rows beside it
        assert one == other | {name: pytest.approx(other[name], abs=0.01) for name in ("distance", "p")}
    assert log["rows"] == of_table["rows"] | {"unread": 2}
    assert log["alarm"] is False


def test_the_alarm_is_an_exit_status(
    batches: Batches, inside: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A batch of one row said again and again leaves with `ALARM`, a line that names what moved, and the report."""
    skip_if_few(batches)
    rows = batches[1].iloc[[0] * 300]
    log = inside / "stuck.jsonl"
    log.write_text("\n".join(map(logged, batches[2].requests(rows))), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["drift", str(log)])
    with pytest.raises(SystemExit) as left:
        drift.main()
    assert left.value.code == drift.ALARM
    assert "ALARM" in capsys.readouterr().out
    assert stage.read_json(drift.REPORT)["alarm"] is True


def test_too_few_rows_are_not_judged(
    batches: Batches, inside: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below thirty rows it says so, rings nothing, and compares nothing."""
    log = inside / "few.jsonl"
    bodies = batches[2].requests(batches[1].head(drift.FEWEST - 1))
    log.write_text("\n".join(map(logged, bodies)), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["drift", str(log)])
    drift.main()
    assert "too few" in capsys.readouterr().out
    assert stage.read_json(drift.REPORT) | {"comparisons": []} == stage.read_json(drift.REPORT)


def test_too_few_rows_of_reference_are_not_judged(
    batches: Batches, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where fewer than thirty rows were held out, no live rows are told from them."""
    few = {kind: values[: drift.FEWEST - 1] for kind, values in batches[2].inputs(batches[1]).items()}
    monkeypatch.setattr(drift, "read_reference", lambda *_: few)
    log = inside / "stuck.jsonl"
    log.write_text("\n".join(map(logged, batches[2].requests(batches[1].iloc[[0] * 300]))), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["drift", str(log)])
    drift.main()
    written = stage.read_json(drift.REPORT)
    assert (written["judged"], written["alarm"], written["comparisons"]) == (False, False, [])


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(("name", "text"), [("absent.jsonl", None), ("other.jsonl", '{"inputs":{"x":1}}\n')])
def test_a_log_without_rows_is_refused_in_a_sentence(name: str, text: str | None) -> None:
    """A log that is not there, or of another contract, is an expected error."""
    if text:
        Path(name).write_text(text, encoding="utf-8")
    with pytest.raises(stage.ProjectError, match=name):
        drift.read_live(Path(name), contract.load_data_contract(), 100)


def labels_of(batches: Batches, inside: Path, wrong: bool) -> list[drift.Comparison]:
    """Log 300 of the test rows with labels, true or wrong; give what is compared of them."""
    _, rows, posed, model = batches
    rows = rows.sample(300, replace=True, random_state=0)
    lines = [logged(body, number) for number, body in enumerate(posed.requests(rows))]
    (inside / "labelled.jsonl").write_text("\n".join(lines), encoding="utf-8")
    truth = rows[posed.data.target.name]
    if wrong:
        found = model.predict(posed.columns(rows))
        if found.probabilities is None or found.sets is None:
            truth = truth + 10 * truth.std()
        else:  # the least likely class of those outside the prediction set
            places = (found.probabilities + 2 * found.sets).argmin(axis=1)
            truth = pd.Series(np.array(posed.labels)[places], truth.index, name=truth.name)
    drift.LABELS.parent.mkdir(exist_ok=True)
    ids = [f"a{number}-0" for number in range(len(rows))]
    pd.DataFrame({"id": ids, truth.name: truth.to_numpy()}).to_csv(drift.LABELS, index=False)
    live = drift.read_live(inside / "labelled.jsonl", posed.data, drift.MOST)
    found = drift.labelled(model, posed, live)
    drift.LABELS.unlink()
    return found


@pytest.mark.parametrize("wrong", [False, True])
def test_labels_tell_errors_and_coverage(batches: Batches, inside: Path, wrong: bool) -> None:
    """Once labels are there, coverage is compared with that of the test rows: as promised it is silent."""
    skip_if_few(batches)
    _, rows, posed, model = batches
    sets = model.predict(posed.columns(rows)).sets
    if wrong and sets is not None and sets.all(axis=1).mean() > 0.5:
        pytest.skip("the prediction sets hold every class, so that no label is wrong")
    found = {one.name: one for one in labels_of(batches, inside, wrong)}
    assert (found["not covered"].p < 1e-6) is wrong
    assert (found["not covered"].live or 0) > 0.3 or not wrong


def test_the_exact_p_value_is_fishers() -> None:
    """For each category it is what scipy's test of a two by two table gives."""
    more, fewer = np.array([3, 5, 0, 12]), np.array([40, 2, 6, 20])
    for place, p in enumerate(drift.exact(more, fewer)):
        both = [[more[place], fewer[place]], [more.sum() - more[place], fewer.sum() - fewer[place]]]
        assert p == pytest.approx(stats.fisher_exact(both, "greater").pvalue)


def test_categories_alike_seldom_differ() -> None:
    """Of two hundred pairs of samples with many rare categories at most five in a hundred have p below 0.05."""
    rng = np.random.default_rng(0)
    names = np.array([f"c{i}" for i in range(400)], dtype=object)
    pairs = [(rng.choice(names, 500), rng.choice(names, 60)) for _ in range(200)]
    assert np.mean([drift.categories(*pair)[1] < 0.05 for pair in pairs]) <= 0.05


def test_the_time_of_a_row_and_its_season_are_not_compared(tmp_path: Path) -> None:
    """Later rows are later: only weekday, hour and age of a dated feature are compared, of the row's time nothing."""
    fields = [
        {"name": "at", "type": "datetime", "role": "time"},
        {"name": "made", "type": "date"},
        {"name": "on", "type": "boolean"},
        {"name": "y", "type": "number", "role": "target"},
    ]
    data = write_contract(tmp_path, fields)
    day = np.array(["2026-01-05", "NaT"], dtype="datetime64[s]")
    inputs = predictor.model_inputs({"at": day, "made": day, "on": np.array([1.0, np.nan])}, data.features)
    model: Any = type("Model", (), {"features": data.features})
    assert dict(drift._compared(model, inputs)).keys() == {"made day of week", "made days since 1970", "on"}


def test_the_report_is_plain_json(batches: Batches) -> None:
    """No NaN and no type of NumPy's gets into it."""
    reference, rows, posed, model = batches
    live = drift.batch(model, posed.inputs(rows.head(100)))
    written = drift.report(drift.compare(reference, live), reference, live, 0)
    assert json.loads(json.dumps(written, allow_nan=False)) == written

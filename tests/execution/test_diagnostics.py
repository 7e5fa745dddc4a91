"""`diagnostics.every` from the command line to the store, and what stored runs without records mean."""

from support.commands import mtlrun, planned, reported, tiny

from mtlrun.store.store import Store


def stored(folder):
    """Return the diagnostics of the stored multi-task runs."""
    runs = Store(folder).runs()
    return [d for d, config in zip(runs["diagnostics"], runs["config"], strict=True) if _pair(config)]


def _pair(config):
    return len(config["suite"]["tasks"]) == 2


def test_records_are_kept_as_often_as_asked_here_and_in_workers(tmp_path):
    for name, more in (("here", ()), ("workers", ("launch.processes=2", "launch.width=1"))):
        assert mtlrun("run", *tiny(tmp_path / name, "diagnostics.every=15", *more)).code == 0
    here, workers = (stored(tmp_path / name) for name in ("here", "workers"))
    assert len(here) == len(workers) > 0
    for told in here + workers:
        steps = told["gradients"]["steps"]
        last = told["steps"][-1]
        assert set(steps) == {*range(15, last + 1, 15), *told["steps"]}
        assert len(told["gradients"]["cosine"]) == len(steps)


def test_off_keeps_what_reports_need_and_no_records(tmp_path):
    assert mtlrun("run", *tiny(tmp_path, "diagnostics.every=off")).code == 0
    for told in stored(tmp_path):
        assert set(told) == {"steps", "constant_guess", "phases", "merges"}
    assert mtlrun("report", str(tmp_path)).code == 0


def test_stored_runs_without_records_are_reused(tmp_path):
    assert mtlrun("run", *tiny(tmp_path, "diagnostics.every=off")).code == 0
    rows = reported(tmp_path, "--level", "runs")["runs"]
    for every in ("evaluations", "5"):
        plan = planned(*tiny(tmp_path, f"diagnostics.every={every}"))
        assert (plan["runs_new"], plan["runs_reused"] > 0) == (0, True)
    assert mtlrun("run", *tiny(tmp_path, "diagnostics.every=5")).code == 0
    assert all("gradients" not in told for told in stored(tmp_path))
    assert reported(tmp_path, "--level", "runs")["runs"] == rows


def test_other_settings_are_told_before_anything_trains(tmp_path):
    result = mtlrun("run", *tiny(tmp_path, "diagnostics.every=often"))
    assert result.code == 2
    assert "`diagnostics.every` must be a whole number of steps" in result.err
    assert "evaluations, off" in result.err
    assert not list(tmp_path.glob("*.parquet"))


def test_it_cannot_be_swept(tmp_path):
    result = mtlrun("sweep", *tiny(tmp_path, "diagnostics.every=1,2"))
    assert result.code == 2
    assert "`diagnostics` must be the same in all cells" in result.err

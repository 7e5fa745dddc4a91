"""`mtlrun compact` changes no report."""

from pathlib import Path

from support.commands import mtlrun, segments, tiny


def test_report_is_the_same_from_one_segment(tmp_path: Path) -> None:
    store = tmp_path / "runs"
    assert mtlrun("run", *tiny(store, "launch.width=1")).code == 0
    before = mtlrun("report", str(store), "--format", "json")
    result = mtlrun("compact", str(store))
    assert result.code == 0 and f"of store {store} merged into 1" in result.err
    assert len(segments(store)) == 1
    assert mtlrun("report", f"store={store}", "--format", "json").out == before.out
    assert mtlrun("run", *tiny(store, "launch.width=1")).code == 0 and len(segments(store)) == 1


def test_a_store_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = mtlrun("compact", str(tmp_path / "none"))
    assert (found.code, found.out) == (2, "")
    assert "`STORE` must be a folder that is there, found" in found.err


def test_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    assert mtlrun("compact", str(tmp_path)).code == 2

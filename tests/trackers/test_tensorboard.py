"""Event files, read back with TensorBoard's own reader."""

from __future__ import annotations

import pytest
from support.tracked import study_in

pytest.importorskip("tensorboard")

from mtlrun.trackers.tensorboard import STUDY, TensorBoard


def accumulated(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), {"scalars": 0, "tensors": 0})
    found.Reload()
    return found


def text(accumulator, tag):
    (event,) = accumulator.Tensors(f"{tag}/text_summary")
    return event.tensor_proto.string_val[0].decode()


@pytest.fixture(scope="module")
def written(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensorboard")
    tracker = TensorBoard(folder=str(folder))
    return folder / "main", tracker.write(study_in(trained.store), lambda: None)


def test_a_folder_for_each_run_with_its_curves(written, trained):
    folder, told = written
    assert (told.new, told.known, told.place) == (12, 0, str(folder))
    assert len(list(folder.iterdir())) == 12 + 1
    for run in study_in(trained.store).read(study_in(trained.store).statuses):
        (place,) = folder.glob(f"*.finished-{run.run_id}")
        found = accumulated(place)
        values = {
            (tag, event.step): event.value for tag in found.Tags()["scalars"] for event in found.Scalars(tag)
        }
        assert values == pytest.approx({(p.name, p.step): p.value for p in run.points}, rel=1e-6)
        assert f"run_id: {run.run_id}" in text(found, "run") and "status: finished" in text(found, "run")
        assert "optimizer.lr: 0.001" in text(found, "run")


def test_settings_are_hparams(written):
    from tensorboard.plugins.hparams import metadata

    (place,) = written[0].glob("*pcgrad_seed=1.*")
    data = accumulated(place).PluginTagToContent("hparams")
    start = metadata.parse_session_start_info_plugin_data(data[metadata.SESSION_START_INFO_TAG])
    assert start.hparams["weighting"].string_value == "pcgrad" and start.hparams["seed"].number_value == 1


def test_the_study_has_its_verdicts_and_its_report(written, trained):
    study = study_in(trained.store)
    found = accumulated(written[0] / STUDY)
    assert {tag: found.Scalars(tag)[0].value for tag in found.Tags()["scalars"]} == pytest.approx(
        study.measures(), rel=1e-6
    )
    rows = text(found, "rows").splitlines()
    assert len(rows) == 2 + len(study.summary.rows) and "verdict" in rows[0]
    assert "pcgrad" in text(found, "contrasts")
    assert text(found, "report") == study.text()
    assert (written[0] / STUDY / "report.html").read_bytes() == study.files["report.html"]


def test_writing_again_adds_nothing_and_replaces_what_was_cut_off(trained, tmp_path):
    tracker, study = TensorBoard(folder=str(tmp_path)), study_in(trained.store)
    tracker.write(study, lambda: None)
    folder = tmp_path / "main"
    files = {path.name: sorted(p.name for p in path.iterdir()) for path in folder.iterdir()}
    first, second = sorted(name for name in files if name != STUDY)[:2]
    (folder / first).rename(folder / f".{first}.tmp")  # as an interruption leaves it
    (folder / second).rename(
        folder / second.replace(".finished-", ".failed-")
    )  # the store has it finished now
    told = tracker.write(study, lambda: None)
    assert (told.new, told.known) == (2, 10)
    again = {path.name: sorted(p.name for p in path.iterdir()) for path in folder.iterdir()}
    assert set(again) == set(files)
    assert {len(names) for name, names in again.items() if name != STUDY} == {1}
    kept = set(files) - {first, second, STUDY}
    assert {name: again[name] for name in kept} == {name: files[name] for name in kept}


def test_a_file_in_the_place_of_the_folder_is_a_fault(tmp_path):
    (tmp_path / "file").write_text("")
    assert [fault.key for fault in TensorBoard(folder=str(tmp_path / "file")).faults()] == ["folder"]

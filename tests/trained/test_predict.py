"""`mtlrun predict`: what a run gives for files that it has not seen."""

import numpy as np
import pandas as pd
import pytest
import torch
from support.commands import mtlrun
from support.saved import houses, trained

from mtlrun.errors import DataError
from mtlrun.trained.predict import outputs_of, predict


def test_predictions_are_a_table(tmp_path):
    run = trained(tmp_path / "runs")
    inputs = np.random.default_rng(0).random((4, 1, 8, 8))
    np.save(tmp_path / "x.npy", inputs)
    pd.DataFrame(inputs.reshape(4, -1)).to_csv(tmp_path / "x.csv", index=False)
    digit, parity = outputs_of(run, [inputs.astype(np.float32)])
    for name in ("x.npy", "x.csv"):
        store = ("--store", str(tmp_path / "runs"), "-o", str(tmp_path / "out.csv"))
        assert mtlrun("predict", run.run_id[:12], str(tmp_path / name), *store).code == 0
        table = pd.read_csv(tmp_path / "out.csv")
        assert list(table.columns) == ["digit", *(f"digit_p{k}" for k in range(10)), "parity", "parity_p"]
        np.testing.assert_array_equal(table["digit"], digit.argmax(1))
        np.testing.assert_allclose(table["digit_p3"], digit.softmax(1)[:, 3], rtol=1e-5)
        np.testing.assert_allclose(table["parity_p"], parity.sigmoid()[:, 0], rtol=1e-5)


def test_of_tables_amounts_are_in_their_unit_and_classes_have_their_names(tmp_path):
    table = houses(tmp_path / "houses.csv")
    own = ("suite.path=" + str(tmp_path / "houses.csv"), "suite.targets={price: price, cold: cold, sky: sky}")
    run = trained(tmp_path / "runs", "suite=table", "budget.steps=300", "optimizer.lr=0.01", *own)
    new = table.drop(columns=["price", "cold", "sky"])
    new[::-1].to_csv(tmp_path / "new.csv", index=False)  # other order of rows, no targets
    store = ("--store", str(tmp_path / "runs"))
    result = mtlrun("predict", run.run_id, str(tmp_path / "new.csv"), *store, "-o", str(tmp_path / "out.csv"))
    assert result.code == 0, result.err
    found = pd.read_csv(tmp_path / "out.csv")[::-1].reset_index(drop=True)
    assert np.corrcoef(found["price"], table["price"])[0, 1] > 0.99
    assert found["price"].mean() == pytest.approx(table["price"].mean(), rel=0.02)
    assert set(found["sky"]) <= {"blue", "grey", "red"} and set(found["cold"]) <= {"no", "yes"}
    chances = found[["sky_p_blue", "sky_p_grey", "sky_p_red"]]
    assert list(found["sky"]) == [column[6:] for column in chances.idxmax(axis=1)]
    assert list(found["cold"] == "yes") == list(found["cold_p"] > 0.5)


@pytest.mark.parametrize(
    "model",
    [
        ("model=transformer_tabular", "model.depth=1", "suite.categories=embedded"),
        ("model=custom", "model.encoder._target_=support.own_encoders.Gated"),
    ],
    ids=lambda model: model[0],
)
def test_of_tables_other_encoders_predict_what_the_network_gives(tmp_path, model):
    table = houses(tmp_path / "houses.csv")
    own = ("suite.path=" + str(tmp_path / "houses.csv"), "suite.targets={price: price, cold: cold}")
    run = trained(tmp_path / "runs", "suite=table", *own, *model)
    store = ("--store", str(tmp_path / "runs"), "-o", str(tmp_path / "out.csv"))
    result = mtlrun("predict", run.run_id, str(tmp_path / "houses.csv"), *store, "--trust", "support")
    assert result.code == 0, result.err
    found = pd.read_csv(tmp_path / "out.csv")
    price, cold = outputs_of(run, [run.data.sources[0].inputs])
    np.testing.assert_allclose(found["price"], price[:, 0], rtol=1e-5)
    np.testing.assert_allclose(found["cold_p"], cold.sigmoid()[:, 0], rtol=1e-5)
    assert len(found) == len(table)


def test_of_tables_what_a_file_lacks_or_has_besides_is_told(tmp_path):
    table = houses(tmp_path / "houses.csv")
    own = (f"suite.path={tmp_path / 'houses.csv'}", "suite.targets={price: price, cold: cold}")
    run = trained(tmp_path / "runs", "suite=table", "budget.epochs=1", *own)
    command = ("predict", run.run_id, str(tmp_path / "new.csv"), "--store", str(tmp_path / "runs"))
    table.drop(columns=["kind", "size"]).to_csv(tmp_path / "new.csv", index=False)
    refused = mtlrun(*command)
    assert (refused.code, refused.out) == (2, "")
    assert "must have the columns that the run reads, and lacks size, kind, found ['price'," in refused.err
    table.loc[:2, "kind"] = ["tent", "tent", "cave"]
    table.to_csv(tmp_path / "new.csv", index=False)
    noted = mtlrun(*command)
    assert (noted.code, noted.out.count("\n")) == (0, 121)
    assert noted.err.endswith("in 3 rows column kind has what the run's data lack: 'cave', 'tent'\n")


def test_a_run_whose_table_has_changed_is_refused(tmp_path):
    table = houses(tmp_path / "houses.csv")
    own = (f"suite.path={tmp_path / 'houses.csv'}", "suite.targets={price: price, cold: cold}")
    run = trained(tmp_path / "runs", "suite=table", "budget.epochs=1", *own)
    store = ("--store", str(tmp_path / "runs"))
    assert mtlrun("lock", str(tmp_path / "runs"), "-o", str(tmp_path / "lock")).code == 0
    table["size"] += 1
    table.to_csv(tmp_path / "houses.csv", index=False)
    for command in (
        ("predict", run.run_id, str(tmp_path / "houses.csv")),
        ("check", str(tmp_path / "lock"), "--rerun"),
    ):
        refused = mtlrun(*command, *store)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err.count("houses.csv has changed since this run was trained") == 1


def test_images_are_pixels_standardised_as_in_training(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    from support.hub import one_label

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    path = one_label(tmp_path / "data", [str(k) for k in range(10)], side=12)
    wide = ("suite=mnist", f"suite.path={path}", "suite.tasks=[digit,odd]", "budget.batch_size=16")
    run = trained(tmp_path / "runs", *wide)
    (source,) = run.data.sources
    mean, std = source.scaling
    by_hand = (source.inputs[:5].astype(np.float32) - mean.reshape(1, -1, 1, 1)) / std.reshape(1, -1, 1, 1)
    with torch.no_grad():
        wanted = run.network(run.saved.steps["digit"])([torch.from_numpy(by_hand)])[0].argmax(1)
    np.save(tmp_path / "x.npy", source.inputs[:5])
    table = predict(run, [tmp_path / "x.npy"])
    assert list(table["digit"]) == [str(k) for k in wanted.tolist()]
    np.save(tmp_path / "x.npy", source.inputs[:5] / 255)
    with pytest.raises(DataError, match="whole numbers from 0 to 255, found 0"):
        predict(run, [tmp_path / "x.npy"])


def test_files_that_do_not_fit_are_told(tmp_path):
    run = trained(tmp_path / "runs")
    bad = {
        "narrow.csv": ("a,b\n1,2\n", "64 numbers each"),
        "text.csv": ("a\nx\n", "must hold numbers"),
        "empty.csv": ("", "cannot be read"),
        "holes.csv": (",".join(map(str, range(64))) + "\n" + "1," * 63 + "nan\n", "finite numbers"),
        "nameless.csv": ((",".join(["0.5"] * 64) + "\n") * 2, "must name its columns"),
        "rowless.csv": (",".join(map(str, range(64))) + "\n", "numbers"),
        "ragged.csv": ("a,b\n1,2\n1,2,3\n", "cannot be read"),
        "empty.npy": ("", "cannot be read"),
        "no.npy": ("text", "cannot be read"),
    }
    for name, (text, message) in bad.items():
        (tmp_path / name).write_text(text)
        result = mtlrun("predict", run.run_id, str(tmp_path / name), "--store", str(tmp_path / "runs"))
        assert result.code == 2 and result.out == "", name
        assert message in result.err and result.err.count("\n") == 1, (name, result.err)
    with pytest.raises(DataError, match="cannot be read"):
        predict(run, [tmp_path / "absent.csv"])
    with pytest.raises(DataError, match="reads 1 input"):
        predict(run, [tmp_path / "narrow.csv"] * 2)

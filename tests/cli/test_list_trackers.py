"""`mtlrun list tracker` and `mtlrun show tracker=...`."""

from __future__ import annotations

import pytest

from mtlrun.cli import main
from mtlrun.cli.completion import completions

NAMES = ["mlflow", "tensorboard", "wandb"]


def test_the_list_has_every_tracker(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["tracker", "mlflow,", "tensorboard,", "wandb"]
    assert main(["list", "tracker"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert all(len(line.split()) > 5 for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_explained_with_its_settings(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", f"tracker={name}"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"tracker={name}  (mtlrun.trackers.{name}.")
    assert f"  tracker_options.{name}.timeout_s=60" in out
    assert "_target_" not in out


def test_an_unknown_tracker_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "tracker=neptune"]) == 2
    assert "`tracker` must be a tracker, as tracker=mlflow, found 'neptune'" in capsys.readouterr().err
    assert main(["show", "tracker"]) == 2
    assert "choices: mlflow, tensorboard, wandb" in capsys.readouterr().err


def test_shells_complete_them() -> None:
    assert completions("mtlrun show tracker=m") == ["tracker=mlflow"]
    assert completions("mtlrun list track") == ["tracker"]

"""What a lock or a store names is imported only where it is trusted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.commands import mtlrun, tiny

from mtlrun.catalog import options_of
from mtlrun.errors import ConfigError
from mtlrun.trust import Trust


@pytest.mark.parametrize(
    "target",
    [
        "mtlrun.models.mlp.MLP",
        "mtlrun.launch.local.Local",
        "torch.nn.Linear",
        "torch.nn.functional.huber_loss",
    ],
)
def test_own_options_and_torch_modules_are_trusted(target: str) -> None:
    Trust().check("the lock file", [{"model": {"_target_": target}}])


@pytest.mark.parametrize(
    "target",
    [
        *(
            "os.system",
            "subprocess.run",
            "builtins.exec",
            "torch.load",
            "torch.hub.load",
            "torch.nn.init.os.system",
        ),
        *("torch.utils.cpp_extension.load_inline", "torch.nn.utils.parametrize.register_parametrization"),
        *(
            "mtlrun.cli.main",
            "mtlrun.user_code.find",
            "mtlrun.store.compact.compact",
            "mtlrunx.Model",
            "torchx.nn.A",
        ),
    ],
)
def test_everything_else_is_refused_and_named(target: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Trust().check("the lock file", [{"model": {"parts": [{"_target_": target}]}}])
    assert f"`{target}` is code that the lock file names" in str(caught.value)
    assert f"--trust {target.rpartition('.')[0]}" in str(caught.value)


def test_target_that_is_no_text_is_refused() -> None:
    with pytest.raises(ConfigError, match="is code that"):
        Trust().check("the lock file", [{"_target_": ["os.system"]}])


def test_trusted_name_covers_what_is_below_it_and_nothing_beside() -> None:
    trust = Trust(["mine", "other.module"])
    assert trust.covers("mine.A") and trust.covers("mine.deep.B") and trust.covers("other.module.C")
    assert not trust.covers("mineral.A") and not trust.covers("other.A") and not trust.covers("mine2")


def test_options_of_the_users_own_folders_are_trusted(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "own.yaml").write_text("_target_: my_models.Own\nwidth: 3\n")
    trust = Trust(known=options_of([tmp_path]))
    assert trust.covers("my_models.Own") and not trust.covers("my_models.Other")


def test_rerun_of_a_foreign_lock_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store, lock = tmp_path / "runs", tmp_path / "lock.json"
    assert mtlrun("run", *tiny(store, "seeds=1")).code == 0
    assert mtlrun("lock", str(store), "-o", str(lock)).code == 0
    Path("foreign_module.py").write_text(
        "open('RAN', 'w').close()\nfrom mtlrun.models.mlp import MLP\nclass Net(MLP): pass\n"
    )
    page = json.loads(lock.read_text())
    for config in [page["cells"][0]["config"], *page["cells"][0]["baselines"].values()]:
        config["model"]["_target_"] = "foreign_module.Net"
    lock.write_text(json.dumps(page))
    command = ("check", str(lock), "--rerun", "--store", str(tmp_path / "new"))
    result = mtlrun(*command)
    assert result.code == 2 and "`foreign_module.Net` is code that the lock file names" in result.err
    assert not Path("RAN").exists()
    assert mtlrun(*command, "--trust", "foreign_module").code in (0, 1, 3) and Path("RAN").exists()

"""`launch=slurm` and `launch=ray`: their settings, and plans on machines that have neither."""

from __future__ import annotations

import shutil
import sys

import pytest
from support.commands import mtlrun, planned

from mtlrun.config import check_node
from mtlrun.errors import ConfigError
from mtlrun.execution.cluster import launcher as launchers
from mtlrun.execution.cluster.ray_cluster import Ray
from mtlrun.execution.cluster.slurm import OURS, Slurm

STUDY = (
    *("suite=digits_two", "seeds=2", "budget=steps", "budget.steps=20", "budget.evaluations=2"),
    *("model.width=16", "mitigation=none"),
)

FAULTS = {
    "jobs": ("slurm", "launch.jobs=0", "`launch.jobs` must be at least 1, found 0"),
    "many jobs": ("slurm", "launch.jobs=2000", "`launch.jobs` must be at most 1,000"),
    "minutes": ("slurm", "launch.minutes=0.5", "`launch.minutes` must be a whole number"),
    "gpus": ("slurm", "launch.gpus=-1", "`launch.gpus` must be at least 0"),
    "memory": ("slurm", "launch.memory_mib=0", "`launch.memory_mib` must be at least 1, or null"),
    "gpu memory": ("ray", "launch.gpu_memory_mib=0", "`launch.gpu_memory_mib` must be at least 1"),
    "name": ("slurm", "launch.partition='a b'", "`launch.partition` must be a name"),
    "time": (
        "slurm",
        "+launch.sbatch.time=5",
        "`launch.sbatch.time` is chosen by mtlrun; set `launch.minutes`",
    ),
    "output": ("slurm", "+launch.sbatch.output=x", "`launch.sbatch.output` is chosen by mtlrun, found 'x'"),
    "letters": ("slurm", "+launch.sbatch.QoS=high", "`launch.sbatch.QoS` must be a parameter of sbatch"),
    "setting": ("slurm", "launch.processes=2", "`launch.processes` is no setting of launch=slurm"),
    "tasks": ("ray", "launch.tasks=0", "`launch.tasks` must be from 1 to 1,000"),
    "cpus": ("ray", "launch.cpus=0", "`launch.cpus` must be positive"),
    "parts of GPUs": ("ray", "launch.gpus=1.5", "`launch.gpus` must be at least 0, and whole above 1"),
    "retries": ("ray", "launch.max_retries=-1", "`launch.max_retries` must be at least 0"),
    "address": ("ray", "launch.address=' '", "`launch.address` must be auto, HOST:PORT or null"),
    "no GPU": ("slurm", "device=cuda", "`launch.gpus` must be at least 1 for device=cuda, found 0"),
}


@pytest.mark.sample(3)
@pytest.mark.parametrize(("launch", "override", "told"), FAULTS.values(), ids=FAULTS)
def test_a_bad_value_is_one_message_and_nothing_is_trained(launch, override, told, tmp_path):
    found = mtlrun("run", *STUDY, f"launch={launch}", override, f"store={tmp_path / 'runs'}")
    assert (found.code, found.out) == (2, "")
    assert told in found.err and "Traceback" not in found.err
    assert not (tmp_path / "runs").exists()


def test_every_parameter_that_is_ours_names_a_setting_that_exists():
    settings = [key.removeprefix("launch.") for key in OURS.values() if key]
    assert set(settings) <= set(Slurm.__dataclass_fields__)


@pytest.mark.parametrize(("launch", "most"), [("slurm", "jobs"), ("ray", "tasks")])
def test_a_plan_needs_no_cluster_and_no_package(launch, most, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(launchers.importlib.util, "find_spec", lambda name: None)
    plan = planned(*STUDY, f"launch={launch}", f"launch.{most}=3", f"store={tmp_path}")
    local = planned(*STUDY, "launch.processes=3", f"store={tmp_path}")
    assert plan["processes"] == 3 and plan["runs_new"] == local["runs_new"] == 6
    found = mtlrun("run", *STUDY, f"launch={launch}", f"store={tmp_path}")
    package = {"slurm": "submitit", "ray": "ray"}[launch]
    assert found.code == 2
    assert f"`launch` needs the package {package}: pip install 'mtlrun[{launch}]'" in found.err


def test_commands_that_slurm_lacks_are_named(monkeypatch):
    monkeypatch.setattr(launchers.importlib.util, "find_spec", lambda name: sys)
    monkeypatch.setattr(shutil, "which", lambda name: None if name in ("srun", "squeue") else name)
    with pytest.raises(ConfigError, match="needs Slurm's srun, squeue: start the command where jobs"):
        Slurm().check_ready()


def test_jobs_ask_for_what_the_settings_say():
    asked = Slurm(partition="gpu", gpus=1, minutes=5, cpus=4, sbatch={"qos": "high"}).parameters()
    assert asked["partition"] == "gpu" and "account" not in asked
    assert (asked["gpus_per_node"], asked["time"], asked["mem"]) == (1, 5, "4096M")
    assert asked["additional_parameters"] == {"requeue": True, "qos": "high"}
    assert "--cpus-per-task=4" in asked["srun_args"]
    assert asked["setup"][-1].startswith("export PYTHONPATH=")
    assert "mem" not in Slurm(memory_mib=None).parameters()
    asked = {"num_cpus": 1.0, "num_gpus": 0.5, "max_retries": 1, "memory": 2**30}
    assert Ray(gpus=0.5, memory_mib=1024, max_retries=1).options() == asked


@pytest.mark.parametrize("launcher", [Slurm(gpus=1), Ray(gpus=0.5)])
def test_devices_are_those_of_jobs_whatever_this_machine_has(launcher):
    assert [launcher.device_type(name) for name in ("auto", "cuda", "cpu")] == ["cuda", "cuda", "cpu"]
    assert launcher.memory("cuda") == (8192, 8192) and launcher.memory("cpu") == (4096, 4096)
    assert type(launcher)().device_type("auto") == "cpu"


def test_settings_of_sbatch_may_be_numbers_and_switches():
    node = {"_target_": "mtlrun.execution.cluster.slurm.Slurm"}
    assert check_node("launch", {**node, "sbatch": {"nice": 10, "exclusive": True}}) == []
    two_lines = check_node("launch", {**node, "sbatch": {"comment": "a\n#SBATCH --qos=x"}})
    assert "one line of text" in str(two_lines[0])


def test_list_and_show_say_what_the_options_are():
    listed = mtlrun("list", "launch").out
    assert "Trains cohorts as jobs of a Slurm cluster." in listed and "Ray" in listed
    shown = mtlrun("show", "launch=slurm").out
    assert "launch.partition=null" in shown and "not tried on a GPU" in " ".join(shown.split())

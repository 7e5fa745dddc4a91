"""Memory that is free: what the machine says, or less where a container or `ulimit` limits it."""

import resource
import subprocess
import sys

import pytest

from mtlrun import machine


def files(folder, **contents):
    for name, content in contents.items():
        (folder / name.replace("_", ".", 1)).write_text(content)
    return folder


@pytest.fixture(autouse=True)
def meminfo(tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text("MemTotal:  9999999 kB\nMemAvailable:  4194304 kB\n")
    monkeypatch.setattr(machine, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    monkeypatch.setattr(machine, "OWN", tmp_path / "self")
    return tmp_path


def test_the_machine_tells(meminfo):
    assert machine.free_memory_mib() == 4096
    files(meminfo, memory_max="max\n")
    assert machine.free_memory_mib() == 4096


def test_a_container_leaves_less_and_gives_back_pages_of_files(meminfo):
    gib = 2**30
    files(meminfo, memory_max=f"{3 * gib}\n", memory_current=f"{2 * gib}\n", memory_stat="anon 7\n")
    assert machine.free_memory_mib() == 1024
    files(meminfo, memory_stat=f"anon 7\ninactive_file {gib // 2}\n")
    assert machine.free_memory_mib() == 1536
    files(meminfo, memory_max=f"{64 * gib}\n")
    assert machine.free_memory_mib() == 4096


GIB = 2**30


def own_group(meminfo, *lines):
    """Say of which control groups this process is one."""
    (meminfo / "self").mkdir()
    (meminfo / "self" / "cgroup").write_text("".join(f"{line}\n" for line in lines))


def limited(folder, limit, used, names=("memory.max", "memory.current")):
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in zip(names, (limit, used), strict=True):
        (folder / name).write_text(f"{value}\n")
    (folder / "memory.stat").write_text("anon 7\n")


def test_the_group_of_the_process_limits_it_and_every_group_above(meminfo):
    own_group(meminfo, "1:name=systemd:/", "0::/user.slice/job")
    limited(meminfo / "user.slice" / "job", 3 * GIB, GIB)
    assert machine.free_memory_mib() == 2048
    limited(meminfo / "user.slice", 3 * GIB, 2 * GIB)
    assert machine.free_memory_mib() == 1024
    limited(meminfo / "user.slice", "max", 2 * GIB)
    assert machine.free_memory_mib() == 2048


def test_a_group_of_the_first_version_limits_it(meminfo):
    own_group(meminfo, "9:cpu:/x", "4:memory:/jobs/7", "0::/")
    names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
    limited(meminfo / "memory" / "jobs" / "7", 2 * GIB, GIB, names)
    assert machine.free_memory_mib() == 1024
    limited(meminfo / "memory" / "jobs" / "7", 9223372036854771712, GIB, names)
    assert machine.free_memory_mib() == 4096
    (meminfo / "memory" / "memory.limit_in_bytes").write_text("1")  # one that does not tell what is used
    assert machine.free_memory_mib() == 4096


def test_more_than_the_limit_is_used(meminfo):
    files(meminfo, memory_max=f"{GIB}\n", memory_current=f"{2 * GIB}\n", memory_stat="anon 7\n")
    assert machine.free_memory_mib() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/statm")
def test_ulimit_leaves_less():
    code = "from mtlrun.machine import free_memory_mib; print(free_memory_mib())"
    for limit in (300, 600):

        def lower(mib=limit):
            resource.setrlimit(resource.RLIMIT_AS, (mib * 2**20, mib * 2**20))

        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=lower)
        assert limit - 100 < float(done.stdout) < limit, done.stderr

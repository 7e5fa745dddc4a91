"""Memory that is free: what the machine says, or less where a container limits it."""

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

"""Checkpoints as files: whole, checked, replaced, and swept."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from mtlrun.errors import StoreError
from mtlrun.store.checkpoints import FOLDER, FORGOTTEN_S, Checkpoints

ABOUT = {"runs": ["a", "b"], "format": 1}
ARRAYS = {
    "0": np.arange(6.0).reshape(2, 3),
    "1": np.zeros((0, 2)),
    "2": np.array(True),
    "3": np.float16([np.nan, -0.0]),
}


@pytest.fixture
def checkpoints(tmp_path):
    found = Checkpoints(tmp_path)
    found.write(ABOUT, 40, ARRAYS, '{"x": 1}')
    return found


def test_what_is_written_is_read(checkpoints):
    arrays, text = checkpoints.read(ABOUT)
    assert text == '{"x": 1}' and arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
        assert arrays[name].tobytes() == array.tobytes()
    assert checkpoints.read({**ABOUT, "format": 2}) is None
    (one,) = checkpoints.found()
    assert (one.about, one.step) == (ABOUT, 40)
    assert abs(one.written_s - time.time()) < 60


def test_a_later_one_takes_its_place_and_deleting_twice_is_no_error(checkpoints, tmp_path):
    checkpoints.write(ABOUT, 80, {"0": np.ones(2)}, "{}")
    assert len(os.listdir(tmp_path / FOLDER)) == 1
    assert [one.step for one in checkpoints.found()] == [80]
    checkpoints.delete(ABOUT)
    checkpoints.delete(ABOUT)
    assert checkpoints.read(ABOUT) is None and checkpoints.found() == []


@pytest.mark.parametrize("kept", (0.0, 0.05, 0.5, 0.99))
def test_a_part_of_a_file_is_damaged(checkpoints, kept):
    path = checkpoints.path(ABOUT)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(StoreError, match="cannot be read"):
        checkpoints.read(ABOUT)


def test_every_flipped_byte_is_found(checkpoints):
    path = checkpoints.path(ABOUT)
    content = path.read_bytes()
    for place in range(8, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        try:
            found = checkpoints.read(ABOUT)
        except StoreError:
            continue
        assert found is not None and found[1] == '{"x": 1}'  # blanks that fill up the header
        assert all(found[0][name].tobytes() == ARRAYS[name].tobytes() for name in ARRAYS)
    path.write_bytes(content)
    assert checkpoints.read(ABOUT) is not None


def test_what_is_no_checkpoint_is_told_and_not_listed(checkpoints, tmp_path):
    other = {**ABOUT, "runs": ["c"]}
    os.replace(checkpoints.path(ABOUT), checkpoints.path(other))
    with pytest.raises(StoreError, match="other runs"):
        checkpoints.read(other)
    checkpoints.path(other).write_text("no tensors")
    with pytest.raises(StoreError, match="cannot be read"):
        checkpoints.read(other)
    assert checkpoints.found() == []
    assert Checkpoints(tmp_path / "nowhere").found() == []


def test_a_folder_in_the_place_of_a_file_is_no_traceback(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.path(ABOUT).mkdir(parents=True)
    with pytest.raises(StoreError):
        checkpoints.read(ABOUT)
    assert checkpoints.found() == []
    checkpoints.sweep({"a", "b"})
    checkpoints.delete(ABOUT)


def test_those_of_stored_runs_and_forgotten_ones_are_swept(checkpoints):
    other, old = {**ABOUT, "runs": ["c"]}, {**ABOUT, "runs": ["d"]}
    for about in (other, old):
        checkpoints.write(about, 3, ARRAYS, "{}")
    checkpoints.sweep({"a"})
    assert len(checkpoints.found()) == 3  # a part of the runs is not all of them
    then = time.time() - FORGOTTEN_S - 60
    os.utime(checkpoints.path(old), (then, then))
    checkpoints.sweep({"a", "b"})
    assert [one.about["runs"] for one in checkpoints.found()] == [["c"]]


def test_the_longest_trained_come_first(checkpoints):
    for runs, step in ((["c"], 90), (["d", "e", "f"], 20), (["g"], 60)):
        checkpoints.write({**ABOUT, "runs": runs}, step, {}, "{}")
    assert [one.about["runs"][0] for one in checkpoints.found()] == ["c", "a", "d", "g"]

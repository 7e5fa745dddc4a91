"""A peer that does not train would be no peer: each learns, at the pace of the others."""

from __future__ import annotations

import pytest

from benchmarks.peers import Peer, hand_written, matmul_limit, plain_loop, torchjd_loop


def _losses(peer: Peer, steps: int) -> tuple[float, float]:
    values = [float(peer.step()) for _ in range(steps)]
    return sum(values[:5]) / 5, sum(values[-20:]) / 20


@pytest.mark.parametrize("optimizer", ["default", "foreach", "fused"])
def test_plain_loop_learns(optimizer: str) -> None:
    first, last = _losses(plain_loop(32, 32, optimizer), 200)
    assert 2.5 < first < 3.5  # about log(10) + log(2) = 3.0 before training
    assert last < 0.5 * first


@pytest.mark.parametrize("method", ["pcgrad", "mgda"])
def test_torchjd_loop_learns(method: str) -> None:
    first, last = _losses(torchjd_loop(32, 32, method, "fused"), 200)
    assert 2.5 < first < 3.5
    assert last < 0.7 * first


def test_hand_written_lanes_learn_as_a_plain_loop_does() -> None:
    peer = hand_written(32, 32, lanes=4)
    first, last = _losses(peer, 200)
    plain = _losses(plain_loop(32, 32, "fused"), 200)
    assert peer.run_steps == 4
    assert first == pytest.approx(plain[0], abs=0.2)
    assert last == pytest.approx(plain[1], rel=0.25)


def test_matmul_limit_counts_its_lanes() -> None:
    peer = matmul_limit(16, 8, lanes=3)
    assert peer.run_steps == 3
    assert peer.step().shape == (3, 64, 16)

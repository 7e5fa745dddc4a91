"""Text as LaTeX sets it."""

from __future__ import annotations

import pytest

from mtlrun.report.formats.latex.escape import escape, label, width


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a_b & 5 % of $x #1 {y}", r"a\_b \& 5 \% of \$x \#1 \{y\}"),
        ("-3.71 [-4.97, +2.45]", "$-$3.71 [$-$4.97, +2.45]"),
        ("-1.81e-13", r"$-$1.81$\times10^{-13}$"),
        ("2e+06", r"2$\times10^{6}$"),
        ("multi-task, a--b, 3-5", "multi-task, a-{}-b, 3-5"),
        (r"\input{x}^~`", r"\textbackslash{}input\{x\}\textasciicircum{}\textasciitilde{}\textasciigrave{}"),
        ("1 < 2 > 0 | x", "1 $<$ 2 $>$ 0 $|$ x"),
        ("Größe, 中", "Größe, U+4E2D"),
        ("two\nlines", "two lines"),
        ("0.9 ±0.1 …", r"0.9 $\pm$0.1 \ldots{}"),
    ],
)
def test_escape(text: str, meant: str) -> None:
    assert escape(text) == meant


def test_labels_have_no_special_signs() -> None:
    assert label("quickstart") == "tab:quickstart"
    assert label("my study", "a[b+c]%{}") == "tab:my-study-a-b+c"
    assert label("中", "") == "tab:x-x"


def test_widths_grow_with_letters() -> None:
    assert width("iii") < width("nnn") < width("mmm")
    assert width("12345") == pytest.approx(5 * width("1"))

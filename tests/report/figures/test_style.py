"""Sizes, fonts and styles of pictures, the package's and the user's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from support.synthetic_study import realistic

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.figures.gains import draw_gains
from mtlrun.report.figures.style import colours, looks, styled
from mtlrun.report.formats.registry import render
from mtlrun.report.levels import SIZES


@pytest.fixture(scope="module")
def summary() -> Summary:
    return realistic(4).summary()


@pytest.mark.parametrize("size", list(SIZES))
def test_sizes_are_widths_in_inches(size: str, summary: Summary) -> None:
    assert draw_gains(summary, size=size).get_figwidth() == SIZES[size]
    content = render(summary, "png", size=size)
    assert isinstance(content, bytes)
    assert int.from_bytes(content[16:20], "big") == int(SIZES[size] * 160)


def test_fonts_are_embedded_in_pdf_and_drawn_in_svg(summary: Summary) -> None:
    pdf, svg = render(summary, "pdf"), render(summary, "svg")
    assert isinstance(pdf, bytes) and isinstance(svg, bytes)
    assert pdf.startswith(b"%PDF")
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf
    assert b"/CreationDate" not in pdf
    assert b"<text" not in svg and b"<!-- neutral -->" in svg


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_process() -> None:
    code = (
        "import sys, hashlib; sys.path.insert(0, 'tests');"
        "from support.synthetic_study import realistic; from mtlrun.report.formats.registry import render;"
        "s = realistic(4).summary();"
        "print([hashlib.sha256(render(s, k)).hexdigest() for k in ('pdf', 'svg', 'png')])"
    )
    root = Path(__file__).parents[3]
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": str(root)},
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]


def test_a_style_of_the_user_comes_after_ours(tmp_path: Path, summary: Summary) -> None:
    file = tmp_path / "my.mplstyle"
    file.write_text("savefig.dpi: 100\naxes.prop_cycle: cycler('color', ['k', 'r'])\n", encoding="utf-8")
    content = render(summary, "png", style=str(file))
    assert isinstance(content, bytes)
    assert int.from_bytes(content[16:20], "big") == 690
    before = dict(matplotlib.rcParams)
    with styled(str(file)):
        assert colours() == ["#000000", "#ff0000"]
        assert matplotlib.rcParams["pdf.fonttype"] == 42  # what it does not say stays ours
    assert dict(matplotlib.rcParams) == before
    with styled("ggplot"):
        assert colours()[0] == "#e24a33"


@pytest.mark.parametrize("text", ["nonsense: 1", "savefig.dpi: oops"])
def test_a_faulty_style_is_refused(text: str, tmp_path: Path, summary: Summary) -> None:
    file = tmp_path / "bad.mplstyle"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"`--style`: Bad (key|value) .*bad\.mplstyle"):
        render(summary, "png", style=str(file))


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ({"format_name": "svg", "size": "wde"}, "did you mean wide"),
        ({"format_name": "svg", "style": "nowhere.mplstyle"}, "must be a file, or a style of matplotlib"),
        (
            {"format_name": "md", "size": "wide"},
            r"`--size` needs a picture \(svg or png or pdf\), found 'md'",
        ),
        ({"format_name": "svg", "over": "width"}, "`--over` needs `--level gain_over`, found 'rows'"),
    ],
)
def test_choices_that_mean_nothing_are_refused(choices: dict[str, str], told: str, summary: Summary) -> None:
    with pytest.raises(ConfigError, match=told):
        render(summary, **choices)  # type: ignore[arg-type]


def test_no_two_lines_look_alike() -> None:
    with styled():
        found = looks(20)
    assert len({(look["color"], look["linestyle"]) for look in found}) == 20


def test_colours_are_told_apart_by_lightness_or_by_both_eyes() -> None:
    """Pairs of the first colours differ for readers without red or green receptors (Vienot et al. 1999, matrices)."""
    import numpy as np
    from matplotlib.colors import to_rgb

    to_lms = np.array([[17.8824, 43.5161, 4.1193], [3.4557, 27.1554, 3.8671], [0.02996, 0.18431, 1.4670]])
    lost = {
        "protan": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]]),
        "deutan": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]),
    }
    with styled():
        rgb = np.array([to_rgb(colour) for colour in colours()]) ** 2.2
    for kind, matrix in lost.items():
        seen = (np.linalg.inv(to_lms) @ matrix @ to_lms @ rgb.T).T.clip(0, 1) ** (1 / 2.2)
        apart = np.linalg.norm(seen[:, None] - seen[None], axis=2)[np.triu_indices(len(seen), 1)]
        assert apart.min() > 0.1, kind

"""The HTML page in a browser: headless Chromium, driven by Selenium.

Left out where Chromium or its driver is not installed, unless MTLRUN_TEST_BROWSER=1: then they must be there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hostile import HOSTILE, hostile_study
from support.synthetic_study import realistic

from mtlrun.report.formats.html.page import to_html

WIDTHS = (390, 1280)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    if missing := [name for name, path in found.items() if path is None]:
        told = f"needs {' and '.join(missing)} (apt-get install chromium chromium-driver)"
        if os.environ.get("MTLRUN_TEST_BROWSER") == "1":
            pytest.fail(told)
        pytest.skip(told)
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = str(found["chromium"])
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(str(found["chromedriver"])))
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    studies = {"plain": realistic(5, ("hard", "branched")), "hostile": hostile_study()}
    for name, study in studies.items():
        (folder / f"{name}.html").write_text(to_html(study.summary()), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in studies}


def opened(browser: Any, path: Path, width: int = 1280, theme: str = "light") -> Any:
    """Open a page and draw all its figures."""
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get_log("browser")
    browser.get(path.as_uri())
    browser.execute_script("boxes.forEach(draw)")
    return browser


def rows(browser: Any, column: str) -> list[str]:
    """Return the texts of a column of the rows that are seen."""
    script = (
        "return [...document.querySelectorAll('#rows tbody tr:not([hidden])')]"
        '.map(row => row.querySelector(`[data-label="${arguments[0]}"]`).innerText.trim())'
    )
    return browser.execute_script(script, column)


def click(browser: Any, selector: str, text: str = "") -> None:
    script = (
        "[...document.querySelectorAll(arguments[0])].find(e => e.textContent.includes(arguments[1])).click()"
    )
    browser.execute_script(script, selector, text)


def choose(browser: Any, selector: str, text: str) -> None:
    script = (
        "const box = document.querySelector(arguments[0]);"
        "if (box.options) box.value = [...box.options].find(o => o.text === arguments[1]).value;"
        "else box.value = arguments[1];"
        "box.dispatchEvent(new Event(box.options ? 'change' : 'input', {bubbles: true}))"
    )
    browser.execute_script(script, selector, text)


@pytest.mark.sample(12)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_it_fits_the_screen_and_says_nothing_to_the_console(browser, pages, name, width, theme) -> None:
    opened(browser, pages[name], width, theme)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    ends = "return [...document.querySelectorAll('.plot svg')].map(e => e.getBoundingClientRect().right)"
    assert max(browser.execute_script(ends)) <= width
    figures = browser.execute_script("return document.querySelectorAll('.plot svg.main-svg').length")
    assert figures >= browser.execute_script("return boxes.length")
    assert browser.get_log("browser") == []


def test_on_a_phone_no_cell_of_the_table_is_cut_off(browser, pages) -> None:
    opened(browser, pages["plain"], 390)
    script = "return [...document.querySelectorAll('main td')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert browser.execute_script(script) == 0
    right = "return Math.max(...[...document.querySelectorAll('main td')].map(e => e.getBoundingClientRect().right))"
    assert browser.execute_script(right) <= 390


def test_a_click_on_a_heading_sorts_by_numbers(browser, pages) -> None:
    opened(browser, pages["plain"])
    click(browser, "#rows th button", "gain")
    gains = [float(text.split()[0].replace("−", "-")) for text in rows(browser, "gain % [95 %]")]
    assert gains == sorted(gains)
    click(browser, "#rows th button", "gain")
    again = [float(text.split()[0].replace("−", "-")) for text in rows(browser, "gain % [95 %]")]
    assert again == sorted(gains, reverse=True)
    click(browser, "#reset")
    assert rows(browser, "mitigation")[:2] == ["none", "uncertainty"]


def test_filters_narrow_table_and_figures(browser, pages) -> None:
    opened(browser, pages["plain"])
    every = len(rows(browser, "task"))
    choose(browser, "[data-filter=mitigation]", "pcgrad")
    assert set(rows(browser, "mitigation")) == {"pcgrad"}
    choose(browser, "[data-filter=sharing]", "branched")
    choose(browser, "[data-filter=suite]", "digits_permuted")
    assert rows(browser, "task") == ["upright", "permuted"]
    assert browser.execute_script("return document.getElementById('count').value") == f"2 of {every} rows"
    lines = "return [...document.querySelectorAll('#gains figure:not([hidden]) .ytick')].length"
    assert browser.execute_script(lines) == 2
    click(browser, "#reset")
    choose(browser, "#search", "PERMUTED seq")
    assert set(rows(browser, "mitigation")) == {"sequential"}
    choose(browser, "#search", "no such words")
    assert rows(browser, "task") == []
    assert browser.execute_script("return !document.getElementById('none').hidden")


def test_a_click_on_a_row_opens_its_details(browser, pages) -> None:
    opened(browser, pages["plain"])
    click(browser, "#rows .open", "permuted")
    text = browser.execute_script("return document.querySelector('dialog[open]').innerText")
    assert text.startswith("digits_permuted: permuted hard none")
    for part in ("Seeds", "Settings", "Trained with", "2.13.0", "cpu"):
        assert part in text
    click(browser, "dialog form button")
    assert browser.execute_script("return document.querySelector('dialog[open]')") is None


def test_the_theme_colours_page_and_figures(browser, pages) -> None:
    def colours() -> list[str]:
        return browser.execute_script(
            "return [getComputedStyle(document.body).backgroundColor,"
            "document.querySelector('#gains .xtick text').style.fill]"
        )

    opened(browser, pages["plain"])
    light = colours()
    opened(browser, pages["plain"], theme="dark")
    assert light[0] == "rgb(255, 255, 255)"
    assert all(one != other for one, other in zip(light, colours(), strict=True))


def test_print_is_light_and_has_every_figure(browser, pages) -> None:
    opened(browser, pages["plain"], theme="dark")
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    fill = browser.execute_script("return document.querySelector('#gains .xtick text').style.fill")
    assert fill == "rgb(28, 32, 36)"
    done = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    assert len(done["data"]) > 50_000
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert browser.get_log("browser") == []


def test_hostile_names_stay_text(browser, pages) -> None:
    opened(browser, pages["hostile"])
    click(browser, "#rows .open", "task")
    assert HOSTILE in browser.execute_script("return document.querySelector('dialog[open]').innerText")
    assert HOSTILE in browser.execute_script("return document.querySelector('h1').innerText")
    assert browser.execute_script("return document.querySelectorAll('img').length") == 0
    labels = browser.execute_script(
        "return [...document.querySelectorAll('#gains .ytick text')].map(e => e.textContent)"
    )
    assert any(HOSTILE in label for label in labels)
    assert browser.get_log("browser") == []

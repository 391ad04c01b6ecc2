"""The project's page as Chromium shows it: light, dark, on a phone, by keyboard, and as axe-core judges it."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from reconciler.reports.html import render_report
from reconciler.reports.view.report import Findings, view_report
from tests.unit.reports.reports import everything, hostile, many, nothing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
PAGES = [everything, nothing, hostile, many]
SCHEMES = ["light", "dark"]


class Opened:
    def __init__(self, browser: Any, folder: Path) -> None:
        self.browser = browser
        self.file = folder / "report.html"

    def show(self, findings: Findings, *, scheme: str = "light", width: int = 1200) -> None:
        self.file.write_text(render_report(view_report(findings)), encoding="utf-8")
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.browser.get_log("browser")
        self.browser.get_log("performance")
        self.browser.get(self.file.as_uri())

    def says(self, script: str) -> Any:
        return self.browser.execute_script(f"return {script}")

    def requests(self) -> list[str]:
        events = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Opened:
    return Opened(chromium, tmp_path)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("made", PAGES)
def test_axe_finds_nothing(page: Opened, made: Callable[[], Findings], scheme: str) -> None:
    """Nothing at all, in fact: neither serious nor minor."""
    pytest.importorskip("axe_core_python", reason="axe-core-python, which carries axe-core, is not installed")
    axe = resources.files("axe_core_python") / "axe.min.js"
    page.show(made(), scheme=scheme)
    page.browser.execute_script("document.querySelectorAll('details').forEach(each => { each.open = true })")
    page.browser.execute_script(axe.read_text(encoding="utf-8"))
    found = page.browser.execute_async_script(
        "const done = arguments[0]; axe.run(document).then(done, e => done({error: `${e}`}))"
    )
    assert "error" not in found, found
    assert found["passes"]
    violations = {(v["id"], v["impact"]): [node["html"][:200] for node in v["nodes"]][:3] for v in found["violations"]}
    assert violations == {}


@pytest.mark.parametrize("made", PAGES)
def test_a_phone_never_scrolls_sideways(page: Opened, made: Callable[[], Findings]) -> None:
    page.show(made(), width=360)
    page.browser.execute_script("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert page.says("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("made", PAGES)
def test_nothing_is_fetched_refused_or_run(page: Opened, made: Callable[[], Findings]) -> None:
    page.show(made())
    assert [url for url in page.requests() if not url.startswith("data:")] == [page.file.as_uri()]
    assert page.browser.get_log("browser") == []
    assert page.says("document.scripts.length") == 1


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_the_button_turns_the_light_on_and_off(page: Opened, scheme: str, other: str) -> None:
    page.show(everything(), scheme=scheme)
    colour = "getComputedStyle(document.body).backgroundColor"
    before = page.says(colour)
    button = page.browser.find_element("id", "theme")
    button.click()
    assert button.get_attribute("aria-pressed") == str(other == "dark").lower()
    assert page.says(colour) != before
    button.click()
    assert page.says(colour) == before
    assert page.says("[document.cookie, location.search, location.hash]") == ["", "", ""]


def test_the_keyboard_goes_to_the_models_first_and_is_seen(page: Opened) -> None:
    keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
    page.show(everything())
    page.browser.find_element("tag name", "body").send_keys(keys.TAB)
    assert page.says("document.activeElement.className") == "skip"
    assert page.says("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.browser.switch_to.active_element.send_keys(keys.ENTER)
    assert page.says("document.activeElement.id") == "models"

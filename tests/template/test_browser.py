"""The page in a real browser: filled in by keyboard, read by a person, quiet and self-contained."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bake import ROOT
from conftest import Repository, opened
from PIL import Image
from playwright.sync_api import Browser, Page, expect

sys.path.append(str(ROOT / "bench"))
import pictures

ALIKE = 3.0  # grey levels of 255 by which two pictures of one page may differ on average


@pytest.fixture(scope="module")
def page(service: str, browser: Browser) -> Iterator[Page]:
    """Give the page, open."""
    with opened(browser, service) as page:
        yield page


def predict(service: str, row: dict[str, Any]) -> dict[str, Any]:
    """Give what /predict says of a row."""
    request = urllib.request.Request(
        f"{service}/predict", json.dumps(row).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["predictions"][0]


def typical(service: str) -> dict[str, Any]:
    """Give the row that the form shows at first."""
    with urllib.request.urlopen(f"{service}/form.json", timeout=10) as response:
        return {field["name"]: field["typical"] for field in json.load(response)["fields"]}


def test_a_prediction_by_keyboard_is_that_of_the_service(page: Page, service: str) -> None:
    """Typing a value and pressing Enter shows the prediction that /predict gives."""
    page.reload()
    torque = page.get_by_label("Torque", exact=True)
    torque.focus()
    torque.press("Control+a")
    page.keyboard.type("68")
    page.keyboard.press("Enter")
    said = predict(service, typical(service) | {"torque": 68})
    answer = page.get_by_role("region", name="Machine state")
    expect(answer).to_contain_text(said["prediction"])
    expect(answer).to_contain_text("90 % coverage")


def test_a_value_unlike_the_training_rows_is_warned_of(page: Page) -> None:
    """Within the limits but beyond the training rows, the page names the field."""
    page.reload()
    page.get_by_label("Torque", exact=True).fill("119")
    page.get_by_role("button", name="Predict").click()
    answer = page.get_by_role("region", name="Machine state")
    expect(answer).to_contain_text("Outside what the model has seen")
    expect(answer.get_by_role("link", name="Torque")).to_be_visible()


def test_a_value_beyond_the_limit_is_an_error_at_its_field(page: Page) -> None:
    """Beyond the hard limit nothing is predicted and the field is marked."""
    page.reload()
    torque = page.get_by_label("Torque", exact=True)
    torque.fill("500")
    page.get_by_role("button", name="Predict").click()
    expect(torque).to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize("width", [320, 375, 768, 1440])
def test_the_page_fits(page: Page, width: int) -> None:
    """Nothing has to be scrolled sideways, down to the narrowest phone."""
    page.set_viewport_size({"width": width, "height": 900})
    page.reload()
    expect(page.get_by_role("button", name="Predict")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(page: Page, scheme: Any, width: int, tmp_path: Path) -> None:
    """In light and dark, text against its page keeps the contrast of WCAG AA (4.5 to 1); a screenshot is kept."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.reload()
    expect(page.get_by_role("button", name="Predict")).to_be_visible()
    page.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
    ratio = page.evaluate(
        """() => {
            const light = (c) => {
                const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map((v) => v / 255)
                    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const back = light(getComputedStyle(document.body).backgroundColor);
            const shown = [...document.querySelectorAll("label, h1, p, a")];
            const texts = shown.map((e) => light(getComputedStyle(e).color));
            return Math.min(...texts.map((t) => (Math.max(t, back) + 0.05) / (Math.min(t, back) + 0.05)));
        }"""
    )
    assert ratio >= 4.5


@pytest.fixture(scope="module")
def taken(mechanical: Repository, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the pictures of docs/ as they would be taken now, of the example's pages."""
    folder = tmp_path_factory.mktemp("pictures")
    pictures.service_of(mechanical, folder / "before.png")
    pictures.page_of(browser, mechanical.path / "site/index.html", folder / "project.png")
    pictures.made_up_cohort(browser, folder / "cohort.png")
    return folder


@pytest.mark.parametrize("name", ["before", "project", "cohort"])
def test_the_pictures_in_the_documents_show_what_there_is(taken: Path, name: str) -> None:
    """A picture taken now looks like the one in docs/, fonts and figures aside; `bench/pictures.py` takes them anew."""
    now, kept = (coarse(folder / f"{name}.png") for folder in (taken, ROOT / "docs/pictures"))
    assert now.shape == kept.shape
    assert np.abs(now - kept).mean() < ALIKE


def coarse(picture: Path) -> "np.typing.NDArray[np.float64]":
    """Give the grey levels of a picture in squares of 20 pixels, from 0 to 255."""
    image = Image.open(picture).convert("L")
    return np.asarray(image.resize((image.width // 20, image.height // 20), Image.Resampling.BOX), dtype=float)

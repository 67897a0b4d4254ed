"""The page of a service, filled in as a person does."""

from typing import Any

from playwright.sync_api import Page, expect


def fill_in(page: Page, form: dict[str, Any]) -> dict[str, Any]:
    """Type another value than the typical one into each field that is shown; give the row that results."""
    row = {}
    for field in form["fields"]:
        label = field["title"] if field["required"] else f"{field['title']} optional"
        control = page.get_by_label(label, exact=True)
        value = row[field["name"]] = rounded(field) if numeric(field) else field["typical"]
        if not control.is_visible():
            continue
        if field.get("enum"):
            value = row[field["name"]] = field["enum"][-1]
            control.select_option(str(value))
        elif numeric(field):
            value = row[field["name"]] = rounded(field | {"typical": (field["typical"] + field["low"]) / 2})
            control.fill(str(value))
    return row


def numeric(field: dict[str, Any]) -> bool:
    """Whether a number is typed into the field."""
    return not field.get("enum") and field["type"] in ("number", "integer")


def rounded(field: dict[str, Any]) -> float | int:
    """Give the typical value as a person types it."""
    return round(field["typical"]) if field["type"] == "integer" else float(f"{field['typical']:.6g}")


def shown(page: Page, form: dict[str, Any]) -> str:
    """Press Predict; give the answer that the page shows, once it says what moved it."""
    page.get_by_role("button", name="Predict").click()
    answer = page.get_by_role("region", name=form["target"]["title"])
    expect(answer.get_by_role("heading", name="What moved this answer")).to_be_visible()
    expect(answer).to_contain_text("90 % coverage")
    return answer.locator(".value").inner_text()


def number(text: str) -> float:
    """Give the number that a text begins with, as the page writes numbers."""
    return float(text.split()[0].replace("\u202f", "").replace("\u2212", "-"))

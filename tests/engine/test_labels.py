"""Labelling against a running engine: by command, by keyboard in a browser, and without its scripts."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def stored(engine):
    texts = [f"no network in {town} since morning" for town in ("Kano", "Jos", "Ibadan", "Enugu", "Warri", "Lokoja")]
    ids = [key for text in texts for key in engine.post({"id": f"label {text}", "text": text})["event_ids"]]
    engine.wait_for(ids)
    return ids


def labels(engine, **query):
    return engine.http.get("/v1/labels", params=query).json()


def test_labels_are_given_listed_and_counted(engine, stored):
    items = engine.cli("label", "next", "--limit", "3")["items"]
    assert len(items) == 3 and all(item["reason"] and item["text"] for item in items)
    assert engine.cli("label", "add", stored[0][:16], "network.outage")["new"] == 1
    assert labels(engine, event_id=stored[0])["labels"][0]["labels"] == ["network.outage"]
    assert engine.cli("label", "stats")["by_label"]["network.outage"] >= 1


@pytest.mark.browser
def test_the_page_labels_from_the_keyboard_and_without_scripts(engine, stored):
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; `apt-get install chromium` brings one")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        trouble = []
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        page.goto(f"{engine.url}/label?strategy=uncertain")
        page.get_by_label("Your key").fill(engine.key)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/label?strategy=uncertain")

        first = page.locator("#labels input[name=event]").input_value()
        page.keyboard.press("1")
        page.locator("[data-category='1'].open").wait_for()
        chosen = page.locator("[data-category='1'] [data-leaf='2']").get_attribute("value")
        page.keyboard.press("2")
        page.wait_for_url("**said=**")
        assert labels(engine, event_id=first)["labels"][0]["labels"] == [chosen]

        second = page.locator("#labels input[name=event]").input_value()
        assert second != first
        page.keyboard.press("n")
        page.wait_for_url("**skip=**")
        assert page.locator("#labels input[name=event]").input_value() not in (first, second)
        page.keyboard.press("?")
        assert page.get_by_text("open a category").is_visible()

        page.go_back()
        page.keyboard.press("u")
        page.wait_for_url(f"**/label?event={first}")
        assert labels(engine, event_id=first)["labels"][0]["labels"] == []
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width

        plain = browser.new_context(java_script_enabled=False, storage_state=context.storage_state()).new_page()
        plain.goto(f"{engine.url}/label?event={first}")
        plain.locator("button[value='network.outage']").click()
        plain.wait_for_url("**said=network.outage**")
        assert labels(engine, event_id=first)["labels"][0]["labels"] == ["network.outage"]
        browser.close()
    assert trouble == []

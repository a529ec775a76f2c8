"""A real browser for pages: headless Chromium, driven over WebDriver, without a network."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

CURE = "apt-get install chromium chromium-driver, or set CHROMIUM and CHROMEDRIVER to the two programs"


def programs() -> tuple[str, str] | None:
    """Return Chromium and its driver, or None if one of them is not installed."""
    chromium = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    driver = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")
    return (chromium, driver) if chromium and driver else None


@contextmanager
def chromium(profile: Path) -> Iterator["Browser"]:
    """Start Chromium with a profile of its own, and end it."""
    found = programs()
    assert found is not None, CURE
    options = ChromeOptions()
    options.binary_location = found[0]
    flags = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}"]
    # Whatever a page asks of the network fails, as it would for a reader without one.
    flags += ["--host-resolver-rules=MAP * ~NOTFOUND", "--no-first-run", "--disable-background-networking"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium's sandbox does not start as root
    for flag in flags:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(executable_path=found[1]))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    """What tests of pages ask of a browser."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, page: Path, *, width: int = 1200, height: int = 900, dark: bool = False, medium: str = "") -> None:
        """Open a file as on a screen of this size, with a reader's preference for dark, or in the medium ``print``."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": features})
        self.driver.get_log("browser")  # what an earlier page said
        self.driver.get(page.resolve().as_uri())

    def ask(self, script: str, *arguments: Any) -> Any:
        """Return what a script that ends with ``return …`` finds in the page; the page's policy does not bind it."""
        return self.driver.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """Return what the browser logged since the page was opened: refused scripts, failed requests."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Return what the page loaded from outside of itself."""
        loaded = self.ask("return performance.getEntriesByType('resource').map(entry => entry.name)")
        return [address for address in loaded if not address.startswith("data:")]

    def overflow(self) -> int:
        """Return how many pixels the page is wider than the screen: what a reader would have to scroll sideways."""
        return int(self.ask("return document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def screenshot(self, path: Path) -> None:
        """Write what is seen as a PNG file."""
        path.write_bytes(self.driver.get_screenshot_as_png())

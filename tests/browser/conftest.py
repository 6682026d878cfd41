"""The browser floor: a real Chromium against a real server."""

from tests.browser.chromium import browser, complaints, page

__all__ = ["browser", "complaints", "page"]

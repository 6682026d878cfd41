"""The application form of the front door: its steps, what is printed, the slots for the papers, the last look."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence

from playwright.sync_api import FilePayload, Locator, Page, Request, expect

ENTERPRISE: Mapping[str, str] = {
    "legal_representative": "示例丁",
    "address": "示例市示例区示例路 88 号",
    "postcode": "100000",
    "telephone": "000-00000000",
}
HOLDER: Mapping[str, str] = {
    "holder_name": "示例乙",
    "holder_identity_number": "11010519491231002X",
    "holder_mobile": "13800000000",
    "holder_email": "shili@example.invalid",
}


class FormPages:
    """The four steps."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def draft_id(self) -> int:
        """The number in the address."""
        found = re.search(r"/drafts/(\d+)/", self.page.url)
        assert found
        return int(found.group(1))

    def field(self, name: str) -> Locator:
        """One field of the step."""
        return self.page.locator(f"main form [name={name}]")

    def fill(self, values: Mapping[str, str]) -> None:
        """Type into fields."""
        for name, value in values.items():
            self.field(name).fill(value)

    def fill_and_keep(self, values: Mapping[str, str]) -> None:
        """Type into fields and press nothing; wait until the server has the last one and the page says so."""
        last = list(values)[-1]
        self.page.wait_for_load_state()  # what is typed before the scripts have come is kept with the next change
        with self.page.expect_response(lambda each: _saves(each.request, last)):
            self.fill(values)
            self.field(last).blur()
        expect(self.page.locator("[data-saved]")).to_have_text(re.compile("^Saved at "))

    def go_on(self, to: str) -> None:
        """Press the step's button; `to` is the last part of the next page's address."""
        self.page.locator("main button.primary[name=go]").click()
        self.page.wait_for_url(f"**/{to}")

    def choose_authority(self, authority_id: int) -> None:
        """Choose the issuing authority."""
        self.field("authority_id").select_option(str(authority_id))

    def fill_all(self, authority_id: int, extra: Mapping[str, str] | None = None) -> None:
        """All steps from the first one on, up to what is to be printed."""
        self.fill(ENTERPRISE)
        self.go_on("place")
        self.choose_authority(authority_id)
        self.go_on("holder")
        self.fill({**HOLDER, **(extra or {})})
        self.go_on("review")
        self.go_on("documents")


class PrintPage:
    """What is to be printed."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def fetch(self, code: str) -> bytes:
        """One document as the browser gets it."""
        link = self.page.locator(f'main a[href$="/{code}.pdf"]').get_attribute("href")
        assert link
        answer = self.page.context.request.get(f"{_origin(self.page)}{link}")
        assert answer.headers["content-type"] == "application/pdf"
        return answer.body()

    def go_on(self) -> PapersPage:
        """On to the upload."""
        self.page.locator('main a.primary[href$="/papers"]').click()
        self.page.wait_for_url("**/papers")
        return PapersPage(self.page)


class PapersPage:
    """The slots, by the codes of their documents."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def slot(self, code: str) -> Locator:
        """One slot."""
        return self.page.locator(f"[data-slot={code}]")

    def files(self, code: str) -> Locator:
        """The files of one slot."""
        return self.slot(code).locator("li.paper")

    def hints(self, code: str) -> Locator:
        """What there is to say about a slot."""
        return self.slot(code).locator(".hint")

    def give(self, code: str, files: Sequence[FilePayload]) -> None:
        """Put files into a slot's field, without waiting."""
        self.page.locator(f"#files-{code}").set_input_files(list(files))

    def upload(self, code: str, files: Sequence[FilePayload]) -> None:
        """Put files into a slot's field and wait until they are papers."""
        before = self.files(code).count()
        self.give(code, files)
        expect(self.files(code)).to_have_count(before + len(files), timeout=30_000)

    def choose(self, code: str, files: Sequence[FilePayload]) -> None:
        """Upload by the button and the browser's own dialog."""
        with self.page.expect_file_chooser() as chooser:
            self.slot(code).locator(f'label[for="files-{code}"]').click()
        chooser.value.set_files(list(files))
        expect(self.files(code)).to_have_count(len(files), timeout=30_000)

    def drop(self, code: str, file: FilePayload) -> None:
        """Drag a file from the desktop onto a slot."""
        content = base64.b64encode(file["buffer"]).decode()
        carried = self.page.evaluate_handle(
            """([name, type, content]) => {
                const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
                const carried = new DataTransfer();
                carried.items.add(new File([bytes], name, { type }));
                return carried;
            }""",
            [file["name"], file["mimeType"], content],
        )
        before = self.files(code).count()
        for event in ("dragover", "drop"):
            self.slot(code).dispatch_event(event, {"dataTransfer": carried})
        expect(self.files(code)).to_have_count(before + 1, timeout=30_000)

    def upload_without_scripts(self, code: str, files: Sequence[FilePayload]) -> None:
        """Choose files and press the slot's own button."""
        self.give(code, files)
        self.slot(code).get_by_role("button", name="Upload", exact=False).click()
        expect(self.files(code)).to_have_count(len(files))

    def remove_all(self, code: str) -> None:
        """Take every file out of a slot."""
        while left := self.files(code).count():
            self.slot(code).get_by_role("button", name=re.compile("^Remove ")).first.click()
            expect(self.files(code)).to_have_count(left - 1)

    def go_on(self) -> ConfirmPage:
        """On to the last look."""
        self.page.get_by_role("link", name="Next: check and submit").click()
        self.page.wait_for_url("**/confirm")
        return ConfirmPage(self.page)


class ConfirmPage:
    """The last look before submission."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def button(self) -> Locator:
        """What submits."""
        return self.page.get_by_role("button", name="Submit", exact=True)

    def submit(self) -> str:
        """Confirm and submit; returns the application number."""
        self.page.get_by_role("checkbox").check()
        self.button.click()
        self.page.wait_for_url("**/applications/*")
        expect(self.page.get_by_text("We have received your application")).to_be_visible()
        return str(self.page.locator(".case-number").inner_text())


def _saves(request: Request, name: str) -> bool:
    return request.url.endswith("/save") and f'"{name}"' in (request.post_data or "")


def _origin(page: Page) -> str:
    return "/".join(page.url.split("/", 3)[:3])

"""The parts of a multipart request: one of JSON called `application`, the others files, taken in hand one at a time."""

import hashlib
from dataclasses import dataclass
from typing import IO, Final

from flask import request
from werkzeug.datastructures import FileStorage

from workbench.api.problems import BodyRefused, Refused, at_pointer
from workbench.api.requests import MOST_FILES, File
from workbench.documents import limits
from workbench.kernel.messages import N_

FACTS: Final = "application"
REQUEST_BYTES: Final = 160 * limits.MIB
"""What a request with its files may hold, as on the pages people use."""
MOST_FACTS_BYTES: Final = 256 * 1024
_CHUNK: Final = limits.MIB


@dataclass(frozen=True)
class SentParts:
    """What came: the JSON, the files by the name of their part, and a digest over all of it."""

    facts: bytes
    files: dict[str, FileStorage]
    digest: str

    def content_of(self, file: File) -> bytes:
        """The bytes of a file, at most one more than a file may have."""
        stream: IO[bytes] = self.files[file.part].stream
        stream.seek(0)
        return stream.read(limits.MAX_FILE_BYTES + 1)

    def name_of(self, file: File) -> str:
        """What to call it."""
        return file.name or self.files[file.part].filename or file.part

    def check_named(self, files: list[File]) -> None:
        """Every file that is named has come, once, and every part that came is named.

        Raises:
            BodyRefused: with each that is not so.
        """
        named = [file.part for file in files]
        problems = [
            at_pointer(f"/files/{place}/part", f"the request has no part {file.part!r}")
            for place, file in enumerate(files)
            if file.part not in self.files
        ]
        problems += [
            at_pointer(f"/files/{place}/part", "this part is named twice")
            for place, part in enumerate(named)
            if part in named[:place]
        ]
        problems += [at_pointer("/files", f"part {part!r} is not named") for part in self.files if part not in named]
        if problems:
            raise BodyRefused(problems)


def read_parts() -> SentParts:
    """The request's parts.

    Raises:
        Refused: 415 when it is no multipart/form-data, 400 when `application` is missing or comes twice.
        RequestEntityTooLarge: it is larger than may be sent; refused before it is read.
    """
    if request.mimetype != "multipart/form-data":
        raise Refused(415, N_("Send %(wanted)s."), wanted="multipart/form-data")
    request.max_form_parts = MOST_FILES + 2
    request.max_form_memory_size = MOST_FACTS_BYTES
    texts = request.form.getlist(FACTS)
    files = dict(request.files.items())
    stored = files.pop(FACTS, None)
    found = [text.encode() for text in texts] + ([stored.stream.read(MOST_FACTS_BYTES + 1)] if stored else [])
    if len(found) != 1 or len(found[0]) > MOST_FACTS_BYTES:
        raise Refused(400, N_("The request needs one part called application, in JSON."))
    if any(len(request.files.getlist(name)) > 1 for name in request.files) or set(request.form) - {FACTS}:
        raise Refused(400, N_("Each other part is a file with a name of its own."))
    return SentParts(found[0], files, _digest(found[0], files))


def _digest(facts: bytes, files: dict[str, FileStorage]) -> str:
    """Over what was sent, not over how: the boundary between parts is another one each time."""
    whole = hashlib.sha256(f"{request.method} {request.path}\n".encode())
    whole.update(hashlib.sha256(facts).digest())
    for name in sorted(files):
        sent = files[name]
        content = hashlib.sha256()
        while chunk := sent.stream.read(_CHUNK):
            content.update(chunk)
        whole.update(hashlib.sha256(f"{name}\n{sent.filename}".encode(errors="surrogatepass")).digest())
        whole.update(content.digest())
    return whole.hexdigest()

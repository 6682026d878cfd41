"""What the counter's screen sends, read into what the verb takes. Photos go through the sandbox here, so that a refusal
names the file before anything is written.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from werkzeug.datastructures import FileStorage

from workbench.collection.collectors import Collector
from workbench.collection.handing import Comparison, Giving
from workbench.collection.originals import Tick
from workbench.collection.signatures import MAX_BYTES, draw_anew
from workbench.collection.words import CollectorKind, Stamping
from workbench.documents import limits
from workbench.documents.rendering import renderer
from workbench.documents.uploads import IncomingFile, UploadRefused, examine
from workbench.kernel.arguments import row_id
from workbench.kernel.blobs import BlobStore
from workbench.kernel.clock import in_utc, now
from workbench.kernel.errors import Invalid
from workbench.kernel.messages import N_

BODY_BYTES: Final = 2 * limits.MAX_FILE_BYTES + limits.MIB
"""A letter, a slip and a form."""
_TICK: Final = "original-"


def read_comparison(form: Mapping[str, str]) -> Comparison:
    """The comparison of originals.

    Raises:
        Invalid: the capture has no id of its own, or the outcome is none.
    """
    try:
        client_id = UUID(form.get("client_id", ""))
        stamping = Stamping(form.get("stamping", ""))
    except ValueError as error:
        raise Invalid(N_("Say how the final stamping ended: passed or refused.")) from error
    ticks = tuple(
        Tick(name.removeprefix(_TICK), value == "match", form.get(f"remark-{name.removeprefix(_TICK)}", ""))
        for name, value in form.items()
        if name.startswith(_TICK) and value in ("match", "differs")
    )
    return Comparison(client_id, _instant(form.get("captured_at", "")), ticks, stamping, form.get("remark", ""))


def read_giving(blobs: BlobStore, form: Mapping[str, str], files: Mapping[str, FileStorage]) -> Giving:
    """Who takes the key, and the pictures that prove it, stored.

    Raises:
        Invalid: a photo cannot be opened, or the signature cannot be read.
    """
    kind = CollectorKind.DELEGATE if form.get("collector") == CollectorKind.DELEGATE else CollectorKind.HOLDER
    delegate = kind is CollectorKind.DELEGATE
    signature = _content(files.get("signature"), MAX_BYTES + 1)
    slip = None if signature else _photo(blobs, "slip", files.get("slip"))
    version = form.get("terms", "")
    return Giving(
        serial=form.get("serial", ""),
        collector=Collector(
            kind,
            form.get("delegate_name", "") if delegate else "",
            form.get("delegate_identity", "") if delegate else "",
            _photo(blobs, "letter", files.get("letter")) if delegate else None,
        ),
        terms_version=row_id(version) or 0,
        signature_sha256=blobs.put(draw_anew(signature)) if signature else None,
        slip_sha256=slip,
        surrendered=form.get("surrendered", ""),
    )


def _photo(blobs: BlobStore, code: str, file: FileStorage | None) -> str | None:
    """The picture the sandbox drew of a photo's first page."""
    content = _content(file, limits.MAX_FILE_BYTES + 1)
    if not content:
        return None
    name = (file.filename if file else None) or code
    try:
        return examine(blobs, renderer(), IncomingFile(code, name, content), shows_identity=True).image_sha256
    except UploadRefused as refused:
        problem = refused.problems[0]
        values: dict[str, Any] = dict(problem.values)
        raise Invalid(problem.reason, **values) from refused


def _content(file: FileStorage | None, most: int) -> bytes:
    return file.stream.read(most) if file is not None else b""


def _instant(said: str) -> datetime:
    """When the browser says it was captured; now, when it says nothing that can be read."""
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return now()
    return (in_utc(at) if at.tzinfo is not None else None) or now()

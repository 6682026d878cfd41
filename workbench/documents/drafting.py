"""Files that wait for their form: examined and stored at once, remembered by a signed word the form carries along.

Nothing is kept in a session or a table. The word is good for its author alone and for half a day; whoever forges or
borrows one is told to choose the file again.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

from itsdangerous import BadData, URLSafeTimedSerializer

from workbench.documents.preview import Kind
from workbench.documents.uploads import ExaminedFile
from workbench.kernel.blobs import BlobStore
from workbench.kernel.identity import Actor
from workbench.kernel.secrets import Secrets

LIFETIME_SECONDS: Final = 12 * 3600


def sign_draft(secrets: Secrets, actor: Actor, file: ExaminedFile) -> str:
    """The word that stands for an examined file of this person."""
    return str(_signer(secrets, actor).dumps({**asdict(file), "kind": file.kind.value}))


def read_draft(secrets: Secrets, actor: Actor, blobs: BlobStore, untrusted: str) -> ExaminedFile | None:
    """The file a word stands for; None when it is forged, another's, too old, or its bytes are gone."""
    try:
        values: dict[str, Any] = _signer(secrets, actor).loads(untrusted, max_age=LIFETIME_SECONDS)
        file = ExaminedFile(
            **{
                **values,
                "kind": Kind(values["kind"]),
                "sizes": tuple((w, h) for w, h in values["sizes"]),
                "rotations": tuple(values["rotations"]),
            }
        )
    except (BadData, KeyError, TypeError, ValueError):
        return None
    return file if file.sha256 in blobs and file.image_sha256 in blobs else None


def read_drafts(secrets: Secrets, actor: Actor, blobs: BlobStore, untrusted: Iterable[str]) -> list[ExaminedFile]:
    """The files that can still be read, in order."""
    found = (read_draft(secrets, actor, blobs, each) for each in untrusted)
    return [file for file in found if file is not None]


def _signer(secrets: Secrets, actor: Actor) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secrets.session_key, salt=f"draft-file:{actor.label}")

"""The front door behind a real TLS handshake that asks for an e-key's certificate, over a staffed office."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cryptography import x509
from html5lib import HTMLParser
from pydantic import AnyUrl
from sqlalchemy import select

from tests.support.applicant import a_code, form_token
from tests.support.casework import SYSTEM, Office
from tests.support.certificates import ClientKey, KeyBrowser, issue, served_with_tls, stranger, trial_authority
from tests.support.database import Database
from workbench import create_app
from workbench.cases.models import Applicant
from workbench.config import Settings
from workbench.kernel.parts import make_parts
from workbench.keys.models import Certificate
from workbench.keys.service import digest_of, register_certificate

CODE = a_code(1)
NAME = "示例远航进出口有限公司"
HOLDER = "示例甲"


class KeyDoor:
    """The application on a port that asks for certificates, and the keys that were issued."""

    def __init__(self, database: Database, folder: Path, office: Office) -> None:
        self.office = office
        self.folder = folder
        self.authority = trial_authority(folder / "trial")
        settings = Settings(
            var_dir=folder / "var",
            log_level="ERROR",
            client_ca=self.authority.certificate_path,
            key_url=AnyUrl("https://127.0.0.1:9"),
        )
        self.parts = replace(make_parts(settings, database.app_url), secrets=office.secrets)
        self.app = create_app(parts=self.parts)
        self.port = 0

    def issue(
        self,
        number: str = "K-1",
        *,
        registered: bool = True,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        application_id: int | None = None,
        replaces_id: int | None = None,
    ) -> ClientKey:
        """A key of the enterprise, on the records unless told otherwise."""
        key = issue(
            self.authority,
            self.folder / "keys",
            uscc=CODE,
            enterprise_name=NAME,
            holder_name=HOLDER,
            not_before=not_before,
            not_after=not_after,
        )
        if registered:
            self.register(key.issued.certificate, number, application_id=application_id, replaces_id=replaces_id)
        return key

    def register(self, certificate: x509.Certificate, number: str, **more: Any) -> None:
        """Put a certificate on the enterprise's key on record."""
        stated: dict[str, Any] = {"authority_id": self.office.authority_ids[0], "application_id": None, **more}
        with self.office.work() as session:
            register_certificate(
                session,
                certificate,
                key_number=number,
                holder_name=HOLDER,
                uscc=CODE,
                enterprise_name=NAME,
                actor=SYSTEM,
                **stated,
            )

    def record(self, key: ClientKey) -> Certificate:
        """What the records say of a key's certificate."""
        with self.office.work() as session:
            digest = digest_of(key.issued.certificate)
            return session.scalars(select(Certificate).where(Certificate.sha256 == digest)).one()

    def account(self, key: ClientKey) -> Applicant:
        """The account that signs in with a key."""
        with self.office.work() as session:
            digest = digest_of(key.issued.certificate)
            return session.scalars(select(Applicant).where(Applicant.certificate_sha256 == digest)).one()

    def visitor(self, key: ClientKey | None = None) -> "Visitor":
        """A browser with this key plugged in, or with none."""
        return Visitor(self.port, key.context() if key is not None else stranger())

    def signed_in(self, key: ClientKey) -> "Visitor":
        """A browser whose holder has signed in."""
        visitor = self.visitor(key)
        assert visitor.post("/key")[0] == 303
        return visitor


class Visitor(KeyBrowser):
    """A browser that reads its pages strictly and sends forms with their tokens."""

    def open(self, path: str, status: int = 200) -> str:
        """The page at `path`, which has to answer with `status` and be valid."""
        found, _, text = self.send("GET", path)
        assert found == status, (path, found)
        HTMLParser(strict=True).parse(text)
        return text

    def post(self, path: str, **values: Any) -> tuple[int, dict[str, str], str]:
        """Send a form with the token of the page it stands on."""
        token = form_token(self.send("GET", path)[2])
        return self.send("POST", path, urlencode({"csrf_token": token, **values}))


@contextmanager
def opened(database: Database, folder: Path, office: Office) -> Iterator[KeyDoor]:
    """A key door that listens."""
    door = KeyDoor(database, folder, office)
    with served_with_tls(door.app, door.authority) as port:
        door.port = port
        yield door
    door.parts.engine.dispose()

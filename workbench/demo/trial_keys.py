"""E-keys to try the renewal with: one valid, one revoked, one expired, as .p12 files that a browser imports.

They are issued by the trial authority, so they open nothing where another authority is configured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.config import Settings
from workbench.demo.accounts import PASSWORD
from workbench.kernel.clock import ago
from workbench.kernel.codes import uscc_check_character
from workbench.kernel.files import put_private
from workbench.kernel.identity import system_actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts, make_parts
from workbench.keys.models import Certificate
from workbench.keys.service import digest_of, register_certificate, revoke
from workbench.keys.trial import TRIAL_FOLDER, TrialAuthority
from workbench.organisation.models import Authority

FOLDER: Final = "demo"
"""Below the installation's data, beside nothing that is real."""
_ACTOR: Final = system_actor("demo")
_FIRST_17: Final = "9199000000TRYKEY0"
USCC: Final = _FIRST_17 + uscc_check_character(_FIRST_17)
ENTERPRISE: Final = "示例更新进出口有限公司"
_AUTHORITY_CODE: Final = "110000"


@dataclass(frozen=True)
class TrialKey:
    """One e-key of the demo."""

    name: str
    key_number: str
    holder_name: str
    began: timedelta
    """How long ago its certificate became valid."""
    life: timedelta
    title: str
    """What it shows, a msgid."""
    revoked: str | None = None

    @property
    def file_name(self) -> str:
        """Its file in the demo's folder."""
        return f"trial-{self.name}.p12"


@dataclass(frozen=True)
class OfferedKey:
    """What the key page says of one of them. `title` is a msgid."""

    title: str
    path: str
    password: str = PASSWORD


KEYS: Final = (
    TrialKey(
        "valid", "试用-0001", "示例甲", timedelta(days=1), timedelta(days=730), N_("An e-key that can be renewed")
    ),
    TrialKey(
        "revoked",
        "试用-0002",
        "示例乙",
        timedelta(days=200),
        timedelta(days=730),
        N_("A revoked e-key"),
        revoked="演示：电子钥匙遗失",
    ),
    TrialKey("expired", "试用-0003", "示例丙", timedelta(days=800), timedelta(days=730), N_("An expired e-key")),
)


def lay_out_keys(settings: Settings, progress: Callable[[str], None]) -> None:
    """Put the demo's keys into var/demo and on the records; does nothing where another authority issues for keys.

    Repeated, it adds what is missing.

    Raises:
        ValueError: no application database address is known, or a file does not hold what it should.
    """
    home = settings.key_dir / TRIAL_FOLDER
    if settings.key_port is None or settings.client_ca != home / "authority.crt":
        return
    authority = TrialAuthority.load_or_create(home)
    folder = settings.var_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    parts = make_parts(settings)
    try:
        for key in KEYS:
            _lay_out(parts, authority, folder / key.file_name, key)
    finally:
        parts.engine.dispose()
    progress(f"Trial e-keys to import into a browser: {folder}/trial-*.p12")


def offered(settings: Settings) -> tuple[OfferedKey, ...]:
    """The keys that were laid out here, with the paths of their files as seen from the folder the program runs in."""
    found = []
    for key in KEYS:
        path = settings.var_dir / FOLDER / key.file_name
        if path.exists():
            near = path.is_relative_to(Path.cwd())
            found.append(OfferedKey(key.title, str(path.relative_to(Path.cwd()) if near else path)))
    return tuple(found)


def _lay_out(parts: Parts, authority: TrialAuthority, path: Path, key: TrialKey) -> None:
    certificate = _find_in(path, authority) or _issue(authority, path, key)
    with parts.work() as session:
        known = session.scalar(select(Certificate.id).where(Certificate.sha256 == digest_of(certificate)))
        if known is None:
            _register(session, certificate, key)


def _find_in(path: Path, authority: TrialAuthority) -> x509.Certificate | None:
    """The certificate of a file laid out before, unless another authority has taken the place of its issuer."""
    if not path.exists():
        return None
    _, certificate, issuers = pkcs12.load_key_and_certificates(path.read_bytes(), PASSWORD.encode())
    return certificate if authority.certificate in issuers else None


def _issue(authority: TrialAuthority, path: Path, key: TrialKey) -> x509.Certificate:
    began = ago(seconds=key.began.total_seconds())
    issued = authority.issue_client(
        uscc=USCC,
        enterprise_name=ENTERPRISE,
        holder_name=key.holder_name,
        not_before=began,
        not_after=began + key.life,
    )
    put_private(path, issued.p12(PASSWORD), replace=True)
    return issued.certificate


def _register(session: Session, certificate: x509.Certificate, key: TrialKey) -> None:
    record = register_certificate(
        session,
        certificate,
        key_number=key.key_number,
        holder_name=key.holder_name,
        uscc=USCC,
        enterprise_name=ENTERPRISE,
        authority_id=session.scalar(select(Authority.id).where(Authority.code == _AUTHORITY_CODE)),
        application_id=None,
        actor=_ACTOR,
    )
    if key.revoked is not None:
        revoke(session, record.id, key.revoked, _ACTOR)

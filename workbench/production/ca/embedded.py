"""The embedded authority, for development and trial: every certificate says TRIAL / 试用; no production may trust it.

What it has issued and ended stands in its register; a second asking is answered from there.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from asn1crypto import x509
from sqlalchemy.orm import Session

from workbench.kernel.clock import now
from workbench.kernel.parts import Parts
from workbench.keys.trial import MARK
from workbench.production import sm2
from workbench.production.algorithms import Algorithm
from workbench.production.ca import register
from workbench.production.ca.certificates import Addresses, holder_extensions, new_serial, sign_certificate
from workbench.production.ca.connector import (
    CaMisconfigured,
    CaUnreachable,
    Issued,
    IssueOrder,
    Pending,
    Rejected,
    RevocationReason,
    Revoked,
)
from workbench.production.ca.crl import RevokedEntry, find_published, is_fresh, make_crl, next_number, publish
from workbench.production.ca.foundation import Foundation, load_or_found
from workbench.production.ca.profile import Profile, make_name
from workbench.production.ca.signers import Signer, SigningFailed
from workbench.production.requests import BadRequest, check_request

ON_TOKEN: Final = "-token"  # noqa: S105 - a device, not a password
"""What the name of an authority ends with whose issuing key is on a token."""
_UNIT: Final = "2.5.4.11"


class _TimeIsOver(Exception):
    """The authority ends before a certificate could begin."""


class EmbeddedAuthority:
    """A root, an issuing authority and their register, on one installation."""

    is_trial = True

    def __init__(
        self, parts: Parts, algorithm: Algorithm, profile: Profile, issuing_key: Callable[[], Signer] | None = None
    ) -> None:
        """The authority of this algorithm, made at the first start.

        Args:
            issuing_key: opens the issuing key where that is on a token; without it the key is in a file.

        Raises:
            CaMisconfigured: its files can't be made or don't hold what they should.
        """
        self._parts = parts
        self._profile = profile
        name = algorithm.value + (ON_TOKEN if issuing_key else "")
        try:
            self._base = load_or_found(folder_of(parts), name, algorithm, issuing_key)
        except (OSError, ValueError, SigningFailed) as error:
            raise CaMisconfigured(f"The embedded authority can't be used: {error}") from error

    @property
    def name(self) -> str:
        """As the interface says."""
        return f"TRIAL CA 试用 {self._base.algorithm.upper()}"

    @property
    def foundation(self) -> Foundation:
        """What it stands on."""
        return self._base

    def issue(self, order: IssueOrder) -> Issued | Pending | Rejected:
        """As the interface says."""
        try:
            public_key = check_request(order.request, order.subject, self._base.algorithm)
            entry = register.find_by_transaction(self._parts, order.transaction_id)
            if entry is None:
                serial = new_serial()
                certificate = self._sign(order, public_key, serial)
                entry = register.keep(
                    self._parts, order.transaction_id, serial, certificate, self._base.algorithm, now()
                )
        except BadRequest as refused:
            return Rejected(str(refused))
        except _TimeIsOver:
            return Rejected("The certificate would end before it begins: this authority's own time is over.")
        except (SigningFailed, sm2.OpensslMissing, sm2.OpensslFailed) as error:
            raise CaUnreachable(f"The embedded authority could not sign: {error}") from error
        if x509.Certificate.load(entry.certificate).public_key.dump() != public_key:
            return Rejected("This transaction was for another key.")
        return Issued(entry.certificate)

    def revoke(self, transaction_id: str, certificate: bytes, reason: RevocationReason) -> Revoked | Pending | Rejected:
        """As the interface says; the list that tells of it has been published when this returns."""
        serial = x509.Certificate.load(certificate).serial_number
        entry = self.find_entry(serial)
        if entry is None or entry.certificate != certificate:
            return Rejected("This certificate is none of this authority's.")
        at = register.end(self._parts, serial, reason, now())
        assert at is not None
        self.publish_crl()
        return Revoked(at)

    def chain(self) -> Sequence[bytes]:
        """As the interface says."""
        return (self._base.issuing, self._base.root)

    def crl(self) -> bytes:
        """The revocation list (DER) that is published, made anew once a day.

        Raises:
            CaUnreachable: it can't be made or written.
        """
        found = find_published(self._crl_path)
        return found if found is not None and is_fresh(found, now()) else self.publish_crl()

    def publish_crl(self) -> bytes:
        """Make the revocation list anew and put it where it is served from; raises as `crl`."""
        with self._parts.work() as session:
            register.lock_publishing(session, self._base.name)
            ended, at = self._list_ended(session), now()
            number = next_number(find_published(self._crl_path), at)
            try:
                made = make_crl(self._base.issuer, ended, at, number)
                publish(self._crl_path, made)
            except (OSError, SigningFailed) as error:
                raise CaUnreachable(f"The revocation list could not be published: {error}") from error
        return made

    def find_entry(self, serial: int) -> register.Entry | None:
        """What the register says of one of this authority's certificates."""
        entry = register.find_by_serial(self._parts, serial)
        return entry if entry is not None and self._has_issued(entry) else None

    def _list_ended(self, session: Session) -> list[RevokedEntry]:
        return [
            RevokedEntry(x509.Certificate.load(each.certificate).serial_number, each.revoked_at, each.reason)
            for each in register.list_revoked(session, self._base.algorithm)
            if each.revoked_at and each.reason and self._has_issued(each)
        ]

    def _has_issued(self, entry: register.Entry) -> bool:
        """An earlier authority of this installation may have had another key."""
        certificate = x509.Certificate.load(entry.certificate)
        return bool(certificate.authority_key_identifier == self._base.issuer.key_identifier)

    def _sign(self, order: IssueOrder, public_key: bytes, serial: int) -> bytes:
        not_after = min(order.not_after, self._base.ends_at)
        if not order.not_before < not_after:
            raise _TimeIsOver
        return sign_certificate(
            self._base.issuer,
            marked(x509.Name.load(order.subject)),
            public_key,
            serial,
            (order.not_before, not_after),
            holder_extensions(self._profile, self._addresses()),
        )

    def _addresses(self) -> Addresses:
        """What the profile says, or the addresses at which this installation itself answers."""
        own, name = f"{self._parts.settings.site_url}/ca", self._base.name
        ocsp = self._profile.ocsp_url or (f"{own}/ocsp" if self._base.responder else None)
        return Addresses(
            crl=[each.replace("{name}", name) for each in self._profile.crl_urls or (f"{own}/{name}.crl",)],
            ocsp=ocsp.replace("{name}", name) if ocsp else None,
            issuer=(self._profile.issuer_url or f"{own}/{name}.cer").replace("{name}", name),
        )

    @property
    def _crl_path(self) -> Path:
        return self._parts.settings.ca_dir / f"{self._base.name}.crl"


def folder_of(parts: Parts) -> Path:
    """Where the embedded authorities of an installation keep their keys."""
    return parts.settings.key_dir / "ca"


def marked(subject: x509.Name) -> x509.Name:
    """The subject with TRIAL / 试用 as a unit, behind the enterprise's name."""
    parts = list(subject.chosen)
    kinds = [[(each["type"].native, each["value"].native) for each in part] for part in parts]
    if any(value == MARK for part in kinds for _, value in part):
        return subject
    (mark,) = x509.Name.load(make_name([(_UNIT, MARK)])).chosen
    behind = [number for number, part in enumerate(kinds, 1) if part[0][0] == "organization_name"]
    place = behind[-1] if behind else 0
    return x509.Name(name="", value=x509.RDNSequence([*parts[:place], mark, *parts[place:]]))

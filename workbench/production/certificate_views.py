"""The certificates screen: search, lists of what expires, one certificate with all that is on record of it, its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from flask import Flask, Response, flash, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from workbench.kernel.certificates import read_der
from workbench.kernel.errors import NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, permits
from workbench.keys.token_states import CUSTODIAN_NAMES, TOKEN_STATE_NAMES
from workbench.organisation.queries import list_authorities
from workbench.production import certificate_queries, ending
from workbench.production import certificate_words as words
from workbench.production.algorithms import Algorithm
from workbench.production.certificate_file import CertificateFile, find_order, get_record, open_file
from workbench.production.certificate_forms import ConfirmForm, RevokeForm
from workbench.production.certificate_queries import CertificateFilter, End, end_of
from workbench.production.expiring import THRESHOLDS
from workbench.production.faults import HAPPENED
from workbench.shell import home, menu
from workbench.shell.context import current_actor, db, parts
from workbench.shell.gate import DeskView, needs
from workbench.shell.i18n import instant

_NAMES: Final = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
"""What a CA is called by, in this order."""
_ATTRIBUTES: Final = {NameOID.SERIAL_NUMBER: "SERIALNUMBER"}
"""What other programs call the attributes for which RFC 4514 has no word."""


def register(app: Flask, admin: Admin) -> None:
    """Add the screen, its line in the menu, and the card of who watches over keys."""
    admin.add_view(CertificatesView(name=_("Certificates"), endpoint="certificates", url="/desk/certificates"))
    item = menu.MenuItem(_("Certificates"), "certificates.index", Permission.CERTIFICATE_READ, icon="shield")
    menu.register(app, item)
    card = home.Card(
        _("Certificates that expire"), Permission.WORKLOAD_READ, "production/certificates_card.html", _card, order=40
    )
    home.register(app, card)


def _card(session: Session, actor: Actor) -> Mapping[str, Any]:
    return {"expiring": certificate_queries.count_expiring(session, actor), "longest": max(THRESHOLDS)}


@dataclass(frozen=True)
class Chip:
    """One filter: its word, where its link leads, whether it is on."""

    label: str
    url: str
    current: bool


class CertificatesView(DeskView):
    """Certificates of the reader's authority, or of all."""

    permission = Permission.CERTIFICATE_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """One page of certificates, narrowed by what stands in the address."""
        wanted, actor = CertificateFilter.from_args(request.args), current_actor()
        page = certificate_queries.page(
            db(), actor, wanted, after=request.args.get("after"), before=request.args.get("before")
        )
        arguments = wanted.to_args()
        return str(
            self.render(
                "production/certificates.html",
                page=page,
                wanted=wanted,
                arguments=arguments,
                list_url=url_for("certificates.index"),
                groups=_chips(wanted, sees_orders=actor.scope.everything),
                algorithms=[(each.value, words.ALGORITHM_NAMES[each]) for each in Algorithm],
                issuers=[(each, called(each)) for each in certificate_queries.list_issuers(db())],
                authorities=list_authorities(db()) if actor.scope.everything else [],
                next_url=_address(**arguments, after=page.after) if page.after else None,
                previous_url=_address(**arguments, before=page.before) if page.before else None,
                words=words,
                called=called,
                last_day=last_day,
            )
        )

    @expose("/<int:certificate_id>")
    def show(self, certificate_id: int) -> ResponseReturnValue:
        """One certificate."""
        return self._show(certificate_id, RevokeForm(), ConfirmForm())

    @expose("/<int:certificate_id>/certificate.cer")
    def der(self, certificate_id: int) -> ResponseReturnValue:
        """The certificate itself, DER."""
        return _download(certificate_id, Encoding.DER, "cer", "application/pkix-cert")

    @expose("/<int:certificate_id>/certificate.pem")
    def pem(self, certificate_id: int) -> ResponseReturnValue:
        """The certificate itself, PEM."""
        return _download(certificate_id, Encoding.PEM, "pem", "application/x-pem-file")

    @expose("/<int:certificate_id>/end")
    def end(self, certificate_id: int) -> ResponseReturnValue:
        """How the end of a certificate stands with its CA, for the page that shows it."""
        record, order = get_record(db(), current_actor(), certificate_id), find_order(db(), certificate_id)
        found = end_of(
            current_actor(), record.state, record.revoked_by_ca_at, order.state if order is not None else None
        )
        waits = found in (End.ASKED, End.UNCONFIRMED, End.ELSEWHERE)
        return jsonify(
            waits=waits,
            words=gettext(words.END_NAMES[found]) if found is not None else "",
            detail=order.last_error or "" if order is not None else "",
        )

    @expose("/<int:certificate_id>/revoke", methods=["POST"])
    @needs(Permission.CERTIFICATE_REVOKE)
    def revoke(self, certificate_id: int) -> ResponseReturnValue:
        """End it for good."""
        form = RevokeForm(request.form)
        record = get_record(db(), current_actor(), certificate_id)
        if not form.validate():
            return self._show(certificate_id, form, ConfirmForm()), 400
        told = ending.revoke_certificate(
            db(), parts(), current_actor(), record.id, ending.RevokedBecause(form.because.data), form.remark.data
        )
        flash(gettext("The certificate of %(name)s is revoked.", name=record.enterprise_name), "success")
        if not told:
            flash(gettext("No e-mail address of its holder is known: please tell the enterprise yourself."), "warning")
        return self.see_other("certificates.show", certificate_id=certificate_id)

    @expose("/<int:certificate_id>/ask-again", methods=["POST"])
    @needs(Permission.CERTIFICATE_REVOKE)
    def ask_again(self, certificate_id: int) -> ResponseReturnValue:
        """Ask the CA once more to end it."""
        record = get_record(db(), current_actor(), certificate_id)
        ending.ask_again(db(), current_actor(), record.id)
        flash(gettext("The CA is asked once more."), "success")
        return self.see_other("certificates.show", certificate_id=certificate_id)

    @expose("/<int:certificate_id>/confirm", methods=["POST"])
    @needs(Permission.CERTIFICATE_REVOKE)
    def confirm(self, certificate_id: int) -> ResponseReturnValue:
        """Note that the CA has ended it, though it did not tell us."""
        form = ConfirmForm(request.form)
        record = get_record(db(), current_actor(), certificate_id)
        if not form.validate():
            return self._show(certificate_id, RevokeForm(), form), 400
        ending.confirm_end(db(), current_actor(), record.id, form.remark.data)
        flash(gettext("It is noted that the CA has ended the certificate."), "success")
        return self.see_other("certificates.show", certificate_id=certificate_id)

    def _show(self, certificate_id: int, form: RevokeForm, confirm_form: ConfirmForm) -> str:
        actor = current_actor()
        found = open_file(db(), parts(), actor, certificate_id)
        page: str = self.render(
            "production/certificates_one.html",
            file=found,
            record=found.record,
            form=form,
            confirm_form=confirm_form,
            may_revoke=permits(actor, Permission.CERTIFICATE_REVOKE),
            may_see_token=permits(actor, Permission.PRODUCTION_READ),
            subject=_subject(found),
            words=words,
            called=called,
            colons=colons,
            state_names=TOKEN_STATE_NAMES,
            custodian_names=CUSTODIAN_NAMES,
            happened=HAPPENED,
        )
        return page


@lru_cache(maxsize=200)
def called(issuer: str) -> str:
    """What a CA is called, from its whole name; the whole name where that cannot be read."""
    try:
        name = x509.Name.from_rfc4514_string(issuer)
    except ValueError:
        return issuer
    found = [name.get_attributes_for_oid(each) for each in _NAMES]
    return next((str(each[0].value) for each in found if each), issuer)


def last_day(not_after: datetime) -> str:
    """The day a certificate ends on, with its year, as this person reads it."""
    return instant(not_after).rpartition(" ")[0].rstrip(",")


def colons(serial: str) -> str:
    """A serial number as other programs show it: pairs of digits with colons between."""
    digits = serial if len(serial) % 2 == 0 else f"0{serial}"
    return ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))


def _subject(found: CertificateFile) -> Sequence[tuple[str, str]]:
    """The parts of the subject as the certificate has them, each with what X.520 calls it."""
    try:
        name = x509.Name.from_rfc4514_string(found.record.subject)
    except ValueError:
        return [("", found.record.subject)]
    return [(_ATTRIBUTES.get(each.oid, each.rfc4514_attribute_name), str(each.value)) for each in reversed(list(name))]


def _download(certificate_id: int, encoding: Encoding, suffix: str, mimetype: str) -> Response:
    record = get_record(db(), current_actor(), certificate_id)
    if record.certificate is None:
        raise NotFound(N_("The certificate itself is not on record, only what it says."))
    content = read_der(record.certificate).public_bytes(encoding)
    answer = Response(content, mimetype=mimetype)
    answer.headers["Content-Disposition"] = f'attachment; filename="{record.serial}.{suffix}"'
    return answer


def _chips(wanted: CertificateFilter, *, sees_orders: bool) -> list[list[Chip]]:
    """The filters in groups of which one at most is on; choosing it again switches it off."""
    anytime = {"expiring": None, "unreachable": False}
    conditions = [
        _chip(gettext(name), wanted, condition=None if wanted.condition is each else each, **anytime)
        for each, name in words.CONDITION_NAMES.items()
    ]
    expiring = [
        _chip(
            gettext("Expires within %(days)d days", days=days),
            wanted,
            expiring=None if wanted.expiring == days else days,
            condition=None,
            unconfirmed=False,
        )
        for days in THRESHOLDS
    ]
    groups = [conditions, expiring]
    if wanted.expiring is not None:
        groups.append([_chip(gettext("No e-mail address"), wanted, unreachable=not wanted.unreachable)])
    if sees_orders:
        open_end = _chip(gettext("End not confirmed by the CA"), wanted, unconfirmed=not wanted.unconfirmed, **anytime)
        groups.append([open_end])
    return groups


def _chip(label: str, wanted: CertificateFilter, **changes: Any) -> Chip:
    """A chip is on when choosing it takes its own filter away."""
    own = next(iter(changes.values()))
    return Chip(label, _address(**replace(wanted, **changes).to_args()), current=not own)


def _address(**arguments: str) -> str:
    here = url_for("certificates.index")
    return f"{here}?{urlencode(arguments)}" if arguments else here

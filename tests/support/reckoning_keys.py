"""The reckoning of keys: what must hold of cases, tokens, certificates and the CA's own register, whatever has gone
wrong, is held against what is there. Each check says in words what is wrong; nothing is repaired and nothing forgiven.
"""

from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Any

from asn1crypto import csr, x509
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate, CustodyEntry, Token
from workbench.production.models import CertificateOrder, TrialEntry


def problems(parts: Parts, in_force: Sequence[bytes] | None = None) -> list[str]:
    """Everything that is wrong now, in the middle of things or afterwards.

    Args:
        in_force: the certificates (DER) that the CA has issued and not ended, by the CA itself; those of the embedded
            one without it.
    """
    with parts.work() as session:
        # One look for all checks: people may be at work meanwhile.
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return problems_in(session, in_force)


def problems_in(session: Session, in_force: Sequence[bytes] | None = None) -> list[str]:
    """As `problems`, as this session sees it."""
    checks = (
        _one_of_each(session),
        _certificates_and_tokens(session),
        _register(session, _in_force(session) if in_force is None else in_force),
        _labels(session),
        _custody(session),
        _made(session),
        _batches(session),
    )
    return [problem for check in checks for problem in check]


def unfinished(parts: Parts, cases: Collection[int], in_force: Sequence[bytes] | None = None) -> list[str]:
    """What is wrong, or not done: each of these cases has one key, and nothing else is in force anywhere."""
    with parts.work() as session:
        known = _in_force(session) if in_force is None else in_force
        states = _rows(
            session,
            "SELECT a.id, a.state, count(c.id) AS valid FROM application a"
            " LEFT JOIN certificate c ON c.application_id = a.id AND c.state = 'valid'"
            " WHERE a.id = ANY(:cases) GROUP BY a.id",
            cases=list(cases),
        )
        found = [
            f"case {row.id} is {row.state} with {row.valid} valid certificates"
            for row in states
            if (row.state, row.valid) != ("made", 1)
        ]
        recorded = set(session.scalars(select(Certificate.sha256).where(Certificate.state == "valid")))
        stray = [each for each in known if sha256(each).hexdigest() not in recorded]
        found += [f"the CA holds {len(stray)} certificates in force that are not on our records"] if stray else []
        waiting = select(CertificateOrder.id).where(CertificateOrder.state.in_(["stored", "pending"]))
        found += [f"order {each} is still open" for each in session.scalars(waiting)]
    return [*found, *problems(parts, in_force)]


def _rows(session: Session, statement: str, **values: Any) -> Sequence[Any]:
    return session.execute(text(statement), values).all()


def _in_force(session: Session) -> Sequence[bytes]:
    return session.scalars(select(TrialEntry.certificate).where(TrialEntry.revoked_at.is_(None))).all()


def _one_of_each(session: Session) -> Iterator[str]:
    """None or one: of valid certificates and living orders of a case, of what is in work on a case, token or bench."""
    for what, statement in (
        ("valid certificates of case", "SELECT application_id FROM certificate WHERE state = 'valid'"),
        (
            "living orders of case",
            "SELECT application_id FROM certificate_order WHERE state IN ('stored', 'pending', 'issued')",
        ),
        ("valid certificates on token", "SELECT token_id FROM certificate WHERE state = 'valid'"),
        ("keys in work or made of case", "SELECT application_id FROM making WHERE state IN ('open', 'made')"),
        ("keys in work or made on token", "SELECT token_id FROM making WHERE state IN ('open', 'made')"),
        ("keys in work at bench", "SELECT station_id FROM making WHERE state = 'open'"),
    ):
        for row in _rows(
            session,
            f"SELECT key, count(*) AS number FROM ({statement}) AS found (key)"
            " WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1",
        ):
            yield f"{row.number} {what} {row.key}"


def _certificates_and_tokens(session: Session) -> Iterator[str]:
    """A certificate belongs to one token: the one whose key its order's request was signed with."""
    keys: dict[bytes, int] = {}
    found = session.execute(
        select(Certificate, Token, CertificateOrder, Certificate.certificate)
        .join(Token, Token.id == Certificate.token_id)
        .join(CertificateOrder, CertificateOrder.certificate_id == Certificate.id)
        .order_by(Certificate.id)
    ).all()
    ordered = {certificate.id for certificate, *_ in found}
    for stray in session.scalars(select(Certificate.id).where(Certificate.token_id.is_not(None))):
        if stray not in ordered:
            yield f"certificate {stray} is on a token and was never ordered"
    for certificate, token, order, content in found:
        if certificate.key_number != token.serial:
            yield f"certificate {certificate.id} bears {certificate.key_number}, its token {token.serial}"
        if (order.token_id, order.application_id) != (token.id, certificate.application_id):
            yield f"certificate {certificate.id} was not ordered for its token and case"
        if certificate.state != "valid":
            continue
        if token.application_id != certificate.application_id:
            yield f"valid certificate {certificate.id} is on a token of case {token.application_id}"
        key = x509.Certificate.load(content).public_key.dump()
        if key != _requested_key(order.request):
            yield f"valid certificate {certificate.id} is for another key than was ordered"
        if keys.setdefault(key, certificate.id) != certificate.id:
            yield f"certificates {keys[key]} and {certificate.id} are for one key"


def _register(session: Session, in_force: Sequence[bytes]) -> Iterator[str]:
    """What the CA holds in force was ordered, and is none or one a case."""
    orders = {_requested_key(each.request): each for each in session.scalars(select(CertificateOrder))}
    seen: dict[int, int] = {}
    for each in in_force:
        order = orders.get(x509.Certificate.load(each).public_key.dump())
        if order is None:
            yield "the CA holds a certificate in force that nobody ordered"
            continue
        seen[order.application_id] = seen.get(order.application_id, 0) + 1
    yield from (
        f"the CA holds {number} certificates in force of case {case}" for case, number in seen.items() if number > 1
    )
    held = {sha256(each).hexdigest() for each in in_force}
    valid = session.scalars(select(Certificate).where(Certificate.state == "valid", Certificate.token_id.is_not(None)))
    yield from (f"certificate {each.id} is valid on our records alone" for each in valid if each.sha256 not in held)


def _labels(session: Session) -> Iterator[str]:
    """Whatever was printed is of a key that was verified before."""
    for row in _rows(
        session,
        "SELECT m.id FROM making m WHERE (m.label_printed_at IS NOT NULL OR m.pin_printed_at IS NOT NULL)"
        " AND (m.state <> 'made' OR m.step <> 'verified' OR least(m.label_printed_at, m.pin_printed_at) < m.ended_at"
        " OR NOT EXISTS (SELECT FROM audit_entry a"
        " WHERE a.subject = 'making:' || m.id AND a.action = 'making.verified'))",
    ):
        yield f"something was printed of making {row.id}, which nobody had verified"


def _custody(session: Session) -> Iterator[str]:
    """Each token's hand-overs are a chain without a gap, and its row says what the last one says."""
    entries: dict[int, list[CustodyEntry]] = {}
    for entry in session.scalars(select(CustodyEntry).order_by(CustodyEntry.token_id, CustodyEntry.seq)):
        entries.setdefault(entry.token_id, []).append(entry)
    for token in session.scalars(select(Token)):
        chain = entries.get(token.id, [])
        if [each.seq for each in chain] != list(range(1, len(chain) + 1)) or not chain:
            yield f"the custody of token {token.serial} has a gap"
            continue
        for before, after in pairwise(chain):
            ends = (before.to_custodian, before.to_ref, before.state_after)
            if ends != (after.from_custodian, after.from_ref, after.state_before):
                yield f"hand-over {after.seq} of token {token.serial} does not begin where the one before ended"
        last = chain[-1]
        holder = (last.to_custodian, last.to_ref, last.state_after, last.application_id, last.seq)
        if holder != (token.custodian, token.custodian_ref, token.state, token.application_id, token.custody_seq):
            yield f"token {token.serial} is not in the hands that its last hand-over put it into"


def _made(session: Session) -> Iterator[str]:
    """What is in work, made, put back or spoiled stands so on case, token and order alike."""
    expected = {
        "open": ("production", "allocated"),
        "made": ("made", "personalised"),
    }
    for row in _rows(
        session,
        "SELECT m.id, m.state, m.step, a.state AS case_state, t.state AS token_state, t.application_id,"
        " m.application_id AS own,"
        " (SELECT count(*) FROM certificate_order o WHERE o.making_id = m.id AND o.state = 'issued') AS issued"
        " FROM making m JOIN application a ON a.id = m.application_id JOIN token t ON t.id = m.token_id",
    ):
        if row.state in expected and (row.case_state, row.token_state) != expected[row.state]:
            yield f"making {row.id} is {row.state}, its case {row.case_state}, its token {row.token_state}"
        if row.state in expected and row.application_id != row.own:
            yield f"making {row.id}: its token belongs to case {row.application_id}"
        if row.state == "made" and (row.step, row.issued) != ("verified", 1):
            yield f"making {row.id} is made at step {row.step} with {row.issued} certificates"
        if row.state in ("put_back", "spoiled") and row.issued:
            yield f"making {row.id} is {row.state}, and what was issued for it is still wanted"
    for row in _rows(
        session,
        "SELECT a.id FROM application a WHERE a.state = 'made'"
        " AND NOT EXISTS (SELECT FROM making m WHERE m.application_id = a.id AND m.state = 'made')",
    ):
        yield f"case {row.id} is made, and no key of it"


def _batches(session: Session) -> Iterator[str]:
    for row in _rows(
        session,
        "SELECT b.id, b.made, count(m.id) AS counted FROM batch b"
        " LEFT JOIN making m ON m.batch_id = b.id AND m.state = 'made' GROUP BY b.id",
    ):
        if row.made != row.counted:
            yield f"batch {row.id} says {row.made} keys, and {row.counted} are made"


def _requested_key(request: bytes) -> bytes:
    """The key (DER SubjectPublicKeyInfo) that a PKCS #10 asks to have certified."""
    info = csr.CertificationRequest.load(request)["certification_request_info"]
    key: bytes = info["subject_pk_info"].dump()
    return key

"""One certificate from a CA by CMP, from wherever its transaction stands.

Every message is kept before it is sent and every answer before it is used, so that a repeated call goes on where the
one before ended, whatever ended it, within the same CMP transaction. Its files:

    request.der      p10cr, composed once; a repetition sends the same bytes
    waiting.der      the CA's "later"; from then on it is polled
    polled.der       its last pollRep, whose nonce the next pollReq has to bear
    received.der     the CA's last answer
    confirmed.der    its answer to our certConf
    certificate.der  what the transaction came to; where only the CA has it, its operator's copy can be put here
    refused.txt      why it came to nothing
    *.sent           how often such a message may have arrived without being answered by the CA
    request.doubted  how often that was answered by nobody knows whom

A CA that gets no confirmation may withdraw its certificate (RFC 4210 5.1.1.2, 5.3.18), and one that is asked again may
refuse for no other reason than that. So a refusal of a repeated message is not taken for the CA's last word on what it
may have done the first time: see `CaUncertain`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from asn1crypto import csr, pem, x509

from workbench.kernel.clock import now
from workbench.production.ca.cmp_chain import Chain
from workbench.production.ca.cmp_composer import Composer, NotGenuine, Refused
from workbench.production.ca.cmp_folder import Exchange
from workbench.production.ca.cmp_messages import (
    ACCEPTED,
    CERTIFICATE_CONFIRMED,
    REJECTION,
    REPEATED,
    UNKNOWN_SENDER,
    WAITING,
    Message,
    Unreadable,
    read_message,
    read_nonces,
)
from workbench.production.ca.cmp_wire import NotDelivered, Wire
from workbench.production.ca.connector import (
    CaMisconfigured,
    CaUncertain,
    CaUnreachable,
    Issued,
    IssueOrder,
    Pending,
    Rejected,
)

CONFIRM_TIME: Final = timedelta(minutes=5)
"""How long a CA surely waits for a confirmation when it does not say."""
SHORTEST_WAIT: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = timedelta(days=1)
USUAL_WAIT: Final = timedelta(minutes=1)
"""When to ask again where the CA does not say."""
REQUEST, WAITED, POLLED = "request.der", "waiting.der", "polled.der"
RECEIVED, CONFIRMED = "received.der", "confirmed.der"
CERTIFICATE, REFUSED = "certificate.der", "refused.txt"


class Issuing:
    """One call about one order, whose exchange this process holds."""

    def __init__(self, order: IssueOrder, kept: Exchange, wire: Wire, composer: Composer, chain: Chain) -> None:
        self._order = order
        self._kept = kept
        self._wire = wire
        self._composer = composer
        self._chain = chain
        self._began_anew = False

    def go_on(self) -> Issued | Pending | Rejected:
        """Take the transaction as far as it goes now.

        Raises:
            CaUncertain, CaUnreachable, CaMisconfigured: see there.
            OSError: something can't be kept.
        """
        refused, certificate = self._kept.find(REFUSED), self._kept.find(CERTIFICATE)
        if refused is not None:
            return Rejected(refused.decode())
        if certificate is not None:
            return self._take_kept(certificate)
        content = self._kept.find(RECEIVED) or self._ask()
        said = read_message(content)
        if said.body == "pollRep" and self._kept.find(WAITED) is not None:
            return self._wait(said)
        if said.body == "cp" and said.status == WAITING and self._kept.find(WAITED) is None:
            with self._only_genuine(RECEIVED, said):
                self._composer.poll(self._order.request, [content])
            self._kept.move(RECEIVED, WAITED)
            return self.go_on()  # RFC 4210 5.3.22: how long to wait is told in answer to a poll
        if said.body == "cp" and said.status in ACCEPTED and said.certificate is not None:
            return self._confirm(content, said, said.certificate)
        return self._refuse(content, said)

    def _ask(self) -> bytes:
        """Send the request, or ask what became of it; the answer is kept."""
        answers = [each for name in (WAITED, POLLED) if (each := self._kept.find(name)) is not None]
        if answers:
            try:
                kind, message = "poll", self._composer.poll(self._order.request, answers)
            except NotGenuine as doubt:
                self._kept.drop(POLLED)  # the other one was found genuine before
                raise CaUnreachable(f"What said to wait was not proven to be the CA ({doubt})") from doubt
        else:
            kind, message = "request", self._kept.find(REQUEST) or self._composer.request(self._order.request)
            self._kept.keep(REQUEST, message)
        return self._send(kind, message, RECEIVED)

    def _wait(self, said: Message) -> Pending:
        self._kept.move(RECEIVED, POLLED)
        self._kept.drop("poll.sent")
        wait = USUAL_WAIT if said.check_after is None else said.check_after
        return Pending(min(max(wait, SHORTEST_WAIT), LONGEST_WAIT))

    def _confirm(self, content: bytes, said: Message, certificate: bytes) -> Issued | Rejected:
        problem = self._problem(certificate, said.extra_certificates)
        answers = [*self._before(), content]
        with self._only_genuine(RECEIVED, said):
            message = self._composer.confirmation(self._order.request, answers, refuse=problem is not None)
        if read_message(message).status == REJECTION:
            return self._decline(message, problem or "it is for another key", certificate)
        confirmed = self._kept.find(CONFIRMED) or self._send("confirm", message, CONFIRMED)
        answered = read_message(confirmed)
        try:
            with self._only_genuine(CONFIRMED, answered):
                self._composer.conclude(self._order.request, [*answers, confirmed])
        except Refused:
            if not self._was_taken_before(said, answered):
                return self._close(f"The CA did not take the confirmation: {words_of(answered)}")
        self._kept.keep(CERTIFICATE, certificate)
        self._chain.learn(certificate, said.extra_certificates)
        return Issued(certificate)

    def _was_taken_before(self, said: Message, answered: Message) -> bool:
        """Whether the CA refuses a confirmation because it has one already. The refusal of the first one is final.

        Raises:
            CaUncertain: it may as well have withdrawn the certificate.
        """
        if CERTIFICATE_CONFIRMED in answered.failures:
            return True
        if self._count("confirm.sent") == 1:
            return False
        if now() < (said.confirm_until or self._kept.since(RECEIVED) + CONFIRM_TIME):
            return True  # it can't have grown tired of waiting yet: it waits no longer because it was told
        self._kept.drop(CONFIRMED)
        raise self._uncertain(f"The CA no longer takes our confirmation ({words_of(answered)})", said)

    def _decline(self, message: bytes, problem: str, certificate: bytes) -> Rejected:
        """Tell the CA that its certificate isn't taken, so that it withdraws it. Untold, it is one nobody confirmed."""
        try:
            self._carry("confirm", message)
        except CaUnreachable:
            told = "The CA could not be told."
        else:
            told = "The CA was told."
        return self._close(f"The CA's certificate {_serial(certificate)} was not taken: {problem}. {told}")

    def _refuse(self, content: bytes, said: Message) -> Issued | Pending | Rejected:
        """What to make of an answer that is no certificate.

        Raises:
            CaUncertain: the CA may have issued before it refused.
            CaMisconfigured: it doesn't know us.
            CaUnreachable: it is not the CA's, or nothing that ends a transaction.
        """
        with self._only_genuine(RECEIVED, said):
            try:
                self._composer.confirmation(self._order.request, [*self._before(), content])
            except Refused:
                genuine = True
            else:
                genuine = False
        if not genuine or said.status != REJECTION:
            self._kept.drop(RECEIVED)
            raise CaUnreachable(f"The CA's answer ends nothing: {said.body} {said.status}, {words_of(said)}")
        if self._before():
            return self._refuse_poll(said)
        times, doubted = self._count("request.sent"), self._count("request.doubted")
        of_request = (RECEIVED, REQUEST, "request.sent", "request.doubted")
        if times == doubted + 1 and doubted and not said.failures & REPEATED:
            # Each time before, it was asked under credentials by which we could not tell its answer either.
            return self._begin_anew(said, *of_request)
        if times == 1 and said.failures & UNKNOWN_SENDER:
            self._forget(*of_request)
            raise CaMisconfigured(f"The CA does not know us by these credentials: {words_of(said)}")
        if times > 1:
            self._kept.drop(RECEIVED)
            raise self._uncertain(f"The CA does not answer this again ({words_of(said)})", said)
        return self._close(words_of(said))

    def _refuse_poll(self, said: Message) -> Issued | Pending | Rejected:
        if said.body != "error":
            return self._close(words_of(said))
        # Its answer to another poll was lost, and with it the nonce it wants to see now; or it has forgotten us. The
        # request that began the transaction needs no nonce.
        return self._begin_anew(said, RECEIVED, WAITED, POLLED, "poll.sent")

    def _begin_anew(self, said: Message, *names: str) -> Issued | Pending | Rejected:
        """Forget this much of the exchange and go on, once a call."""
        if self._began_anew:
            raise self._uncertain(f"The CA answers one thing and then another ({words_of(said)})", said)
        self._began_anew = True
        self._forget(*names)
        return self.go_on()

    def _forget(self, *names: str) -> None:
        for name in names:
            self._kept.drop(name)

    def _uncertain(self, problem: str, said: Message) -> CaUncertain:
        return CaUncertain(
            f"{problem}. Look up there what became of CMP transaction {said.transaction_id.hex()}. If it issued a "
            f"certificate that is valid, put it as {CERTIFICATE} into {self._kept.folder}; if not, remove that folder."
        )

    @contextmanager
    def _only_genuine(self, name: str, said: Message) -> Iterator[None]:
        """Throw an answer away that the client does not take for the CA's."""
        try:
            yield
        except NotGenuine as doubt:
            self._kept.drop(name)
            if name == RECEIVED and not self._before():
                self._set_count("request.doubted", self._count("request.doubted") + 1)
            raise not_genuine(said, doubt) from doubt

    def _before(self) -> list[bytes]:
        waiting = self._kept.find(WAITED)
        return [] if waiting is None else [waiting]

    def _take_kept(self, content: bytes) -> Issued:
        """The certificate of a transaction that is over; it may have come from an operator's hands."""
        certificate: bytes = pem.unarmor(content)[2] if pem.detect(content) else content
        problem = self._problem(certificate, [])
        if problem is not None:
            raise CaMisconfigured(
                f"{CERTIFICATE} of transaction {self._order.transaction_id} can't be used: {problem}."
            )
        return Issued(certificate)

    def _problem(self, certificate: bytes, extra: Sequence[bytes]) -> str | None:
        """Why a certificate is not the one that was asked for."""
        asked = csr.CertificationRequest.load(self._order.request)["certification_request_info"]
        try:
            read = x509.Certificate.load(certificate, strict=True)
            key, named = read.public_key.dump(), _attributes(read.subject)
        except (ValueError, TypeError):
            return "it can't be read"
        if key != asked["subject_pk_info"].dump():
            return "it is for another key"
        missing = _attributes(asked["subject"]) - named
        if missing:
            return "its subject lacks " + ", ".join(sorted(f"{kind}={value}" for kind, value in missing))
        if not self._chain.vouches(certificate, extra):
            return "none of the certificates in WORKBENCH_CMP_TRUSTED vouches for it"
        return None

    def _send(self, kind: str, message: bytes, name: str) -> bytes:
        """What the CA answers to a message, kept under `name`."""
        content = self._carry(kind, message)
        self._kept.keep(name, content)
        return content

    def _carry(self, kind: str, message: bytes) -> bytes:
        """Send a message; that it may have arrived is on record before."""
        before = self._count(f"{kind}.sent")
        self._set_count(f"{kind}.sent", before + 1)
        try:
            return carry(self._wire, message)[0]
        except NotDelivered:
            self._set_count(f"{kind}.sent", before)
            raise

    def _count(self, name: str) -> int:
        return int(self._kept.find(name) or 0)

    def _set_count(self, name: str, count: int) -> None:
        self._kept.keep(name, str(count).encode())

    def _close(self, reason: str) -> Rejected:
        self._kept.keep(REFUSED, reason.encode())
        return Rejected(reason)


def carry(wire: Wire, message: bytes) -> tuple[bytes, Message]:
    """What the CA answers to a message, as it came and as it reads. Whether it is genuine is not known yet.

    Raises:
        CaUnreachable: there is no answer, or none to this message.
    """
    content = wire.carry(message)
    try:
        said = read_message(content)
    except Unreadable as error:
        raise CaUnreachable(f"The CA's answer can't be read: {error}") from error
    # The client that judges answers has them from files and so can't tell whether they belong to this message.
    if (said.transaction_id, said.recipient_nonce) != read_nonces(message):
        raise CaUnreachable(f"The CA's answer is one to another message: {words_of(said)}")
    return content, said


def not_genuine(said: Message, doubt: NotGenuine) -> CaUnreachable:
    """What to tell of an answer that nobody vouches for; its words are somebody's, perhaps the CA's."""
    return CaUnreachable(f"An answer came that is not proven to be the CA's ({doubt}); it says: {words_of(said)}")


def words_of(said: Message) -> str:
    """What the CA says, in its own words where it has any."""
    return said.words or "no reason given"


def _serial(certificate: bytes) -> str:
    try:
        return format(x509.Certificate.load(certificate).serial_number, "X")
    except (ValueError, TypeError):
        return "?"


def _attributes(name: x509.Name) -> set[tuple[str, str]]:
    return {(each["type"].dotted, each["value"].native) for part in name.chosen for each in part}

"""The terms a collector signs under: published in versions, never edited. A receipt shows those of its day."""

from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from workbench.collection.models import HandOverTerms
from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand

LONGEST: Final = 1500
"""Characters of the terms in one language: a receipt of one page has no room for more."""
FIRST_TERMS_ZH: Final = """一、本人已当面核对电子钥匙序列号，所领取的电子钥匙完好。
二、所提交的纸质原件与网上提交的材料一致，真实、有效。
三、电子钥匙和口令由授权用户保管和使用，不转借、不转让；以电子钥匙办理的业务由本企业负责。
四、电子钥匙遗失、损坏或口令泄露时，立即通知发证机构并申请补办；证书到期前办理更新。
五、代领人已出示授权委托书，并承诺将电子钥匙原样交给授权用户。"""
FIRST_TERMS_EN: Final = """1. I have compared the serial number of the e-key in person; the e-key received is intact.
2. The paper originals shown agree with the material submitted online and are true and valid.
3. The authorised user keeps key and password and lends neither; the enterprise answers for their use.
4. Loss, damage or a password that became known are told to the authority at once; the certificate is renewed in time.
5. A delegate has shown a letter of authorisation and passes the key on to the authorised user as received."""


def find_current(session: Session) -> HandOverTerms | None:
    """The newest terms; None before any have been published."""
    return session.scalars(select(HandOverTerms).order_by(HandOverTerms.version.desc()).limit(1)).one_or_none()


def current_terms(session: Session) -> HandOverTerms:
    """The newest terms.

    Raises:
        Conflict: none have been published.
    """
    terms = find_current(session)
    if terms is None:
        raise Conflict(N_("No terms of hand-over have been published."))
    return terms


def publish_terms(session: Session, actor: Actor, text_zh: str, text_en: str) -> HandOverTerms:
    """A new version, for hand-overs that begin from now on.

    Args:
        text_zh, text_en: one term a line, of at most LONGEST characters each.

    Raises:
        NotAllowed: the actor manages no terms.
        Invalid: a text is empty or too long, or nothing differs from the newest version.
    """
    demand(actor, Permission.HAND_OVER_TERMS_MANAGE)
    texts = [_cleaned(each) for each in (text_zh, text_en)]
    # Who publishes at the same moment waits, and then counts on.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('hand_over_terms', 0))"))
    newest = find_current(session)
    if newest is not None and [newest.text_zh, newest.text_en] == texts:
        raise Invalid(N_("These are the words of the newest version already."))
    terms = HandOverTerms(
        version=(newest.version if newest is not None else 0) + 1,
        text_zh=texts[0],
        text_en=texts[1],
        published_at=now(),
        published_by=actor.label,
    )
    session.add(terms)
    session.flush()
    audit.record(
        session,
        "hand_over_terms.published",
        actor,
        subject=f"hand_over_terms:{terms.version}",
        after={"version": terms.version, "text_zh": terms.text_zh, "text_en": terms.text_en},
    )
    return terms


def _cleaned(untrusted: str) -> str:
    written = "\n".join(line.strip() for line in untrusted.replace("\x00", "").splitlines()).strip()
    if not 0 < len(written) <= LONGEST:
        raise Invalid(N_("Write the terms in 1 to %(limit)s characters of each language."), limit=LONGEST)
    return written


def seed_terms(session: Session, actor: Actor) -> int:
    """Publish the first terms where there are none; returns how many versions were added."""
    if session.scalar(select(HandOverTerms.version).limit(1)) is not None:
        return 0
    publish_terms(session, actor, FIRST_TERMS_ZH, FIRST_TERMS_EN)
    return 1

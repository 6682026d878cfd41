"""Whom an applicant may call or write to: what a fresh installation starts with, and how a website becomes a link."""

import re
from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.kernel import audit
from workbench.kernel.errors import Invalid
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.portal.models import Contact

_HOST: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
_WEBSITE: Final = re.compile(rf"(?:https://)?{_HOST}(?::[0-9]{{1,5}})?(?:/[A-Za-z0-9._~/%?=&-]*)?")

FIRST_CONTACTS: Final = (
    {
        "name_zh": "CA 与技术服务",
        "name_en": "Certificates and technical service",
        "telephone": "010-58103599",
        "website": "www.gfapki.com.cn",
        "note_zh": "电子钥匙、证书、驱动与登录问题",
        "note_en": "E-keys, certificates, drivers and signing in",
    },
    {
        "name_zh": "商务部业务系统统一平台",
        "name_en": "The Ministry of Commerce's unified platform",
        "telephone": "010-67870108",
        "website": "ecomp.mofcom.gov.cn",
        "note_zh": "许可证业务系统的使用问题",
        "note_en": "Using the licensing systems themselves",
    },
    {
        "name_zh": "原电子钥匙申请注册网站",
        "name_en": "The former registration site",
        "telephone": "",
        "website": "careg.ec.com.cn",
        "note_zh": "查询以往在原网站办理的申请",
        "note_en": "For applications made there in the past",
    },
)
"""What the service's own notices name (DOMAIN: contacts). Data from then on."""


def seed_contacts(session: Session, actor: Actor) -> int:
    """Enter the first contacts where there are none at all; returns how many. What was edited is left alone."""
    if session.scalar(select(Contact.id).limit(1)) is not None:
        return 0
    for position, values in enumerate(FIRST_CONTACTS, start=1):
        contact = Contact(**values, position=position * 10)
        session.add(contact)
        session.flush()
        audit.record(session, "contact.created", actor, subject=f"contact:{contact.id}", after=dict(values))
    return len(FIRST_CONTACTS)


def list_contacts(session: Session) -> Sequence[Contact]:
    """The contacts that are shown, in their order."""
    return session.scalars(select(Contact).where(Contact.active).order_by(Contact.position, Contact.id)).all()


def find_telephone(session: Session) -> Contact | None:
    """Whom to call first, if anybody is known."""
    return next((each for each in list_contacts(session) if each.telephone), None)


def check_website(untrusted: str) -> str:
    """A website as it is kept: a host with or without a path, or an address that starts with https://.

    Raises:
        Invalid: it is anything else, such as another scheme, a name and password, or words.
    """
    website = untrusted.strip()
    if website and _WEBSITE.fullmatch(website) is None:
        raise Invalid(N_("Enter a host such as www.example.org, or an address that starts with https://."))
    return website


def address_of(website: str) -> str:
    """Where a link to a kept website leads. A bare host is opened by http, which every such site answers; browsers
    ask for https by themselves where it is offered.
    """
    return website if website.startswith("https://") else f"http://{website}"

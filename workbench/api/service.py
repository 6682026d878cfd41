"""The verbs around keys and webhooks: sites are named by an administrator, keys made and revoked, deliveries repeated.

Each is recorded. A key's value is given back once and never kept.
"""

import base64
import binascii
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Final

from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.api import keys
from workbench.api.models import ApiKey, Webhook, WebhookDelivery
from workbench.api.words import DeliveryState, KeyScope
from workbench.cases.models import Applicant
from workbench.kernel import audit, tasks
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.kernel.secrets import Secrets

DELIVER_TASK: Final = "deliver_webhook"
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how secrets begin, not one
SECRET_BYTES: Final = 32
_FEWEST, _MOST = 24, 64
"""Bytes of a webhook's secret (Standard Webhooks)."""
MAX_NAME: Final = 100


def create_site(session: Session, actor: Actor, name: str) -> Applicant:
    """A registration site under a name of its own; it can do nothing until it has a key.

    Raises:
        NotAllowed: the actor does not manage keys.
        Invalid, Conflict: the name is missing or too long, or taken.
    """
    demand(actor, Permission.API_KEY_MANAGE)
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(N_("A site needs a name of at most %(limit)s characters."), limit=MAX_NAME)
    if session.scalar(select(Applicant.id).where(Applicant.kind == "site", Applicant.name == name)) is not None:
        raise Conflict(N_("There is a site of this name already."))
    site = Applicant(kind="site", name=name, created_at=now())
    session.add(site)
    session.flush()
    audit.record(session, "api_site.created", actor, subject=f"api_site:{site.id}", after={"name": name})
    return site


def get_site(session: Session, site_id: int) -> Applicant:
    """A registration site.

    Raises:
        NotFound: there is none of this number.
    """
    site = session.scalar(select(Applicant).where(Applicant.id == site_id, Applicant.kind == "site"))
    if site is None:
        raise NotFound(N_("There is no such site."))
    return site


def create_key(
    session: Session, actor: Actor, site_id: int, scopes: Collection[KeyScope], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key of a site, with its value, which nobody can read again.

    Raises:
        NotAllowed, NotFound: no permission, no such site.
        Invalid: it opens nothing, or would have expired already.
    """
    demand(actor, Permission.API_KEY_MANAGE)
    site = get_site(session, site_id)
    if not scopes:
        raise Invalid(N_("Choose at least one thing the key opens."))
    if expires_at is not None and expires_at <= now():
        raise Invalid(N_("The key would have expired already."))
    value = keys.make_key()
    key = ApiKey(
        applicant_id=site.id,
        sha256=keys.hash_of(value),
        hint=value[: keys.HINT_LENGTH],
        scopes=[scope.value for scope in KeyScope if scope in scopes],
        created_at=now(),
        created_by=actor.name,
        expires_at=expires_at,
    )
    session.add(key)
    session.flush()
    after = {"hint": key.hint, "scopes": key.scopes, "until": expires_at.isoformat() if expires_at else None}
    audit.record(session, "api_key.created", actor, subject=f"api_site:{site.id}", after=after)
    return key, value


def revoke_key(session: Session, actor: Actor, key_id: int) -> ApiKey:
    """End a key, from the next request on. A second time changes nothing.

    Raises:
        NotAllowed, NotFound: no permission, no such key.
    """
    demand(actor, Permission.API_KEY_MANAGE)
    key = session.scalar(select(ApiKey).where(ApiKey.id == key_id).with_for_update())
    if key is None:
        raise NotFound(N_("There is no such key."))
    if key.revoked_at is None:
        key.revoked_at = now()
        session.flush()
        site = f"api_site:{key.applicant_id}"
        audit.record(session, "api_key.revoked", actor, subject=site, after={"hint": key.hint})
    return key


def find_webhook(session: Session, site_id: int) -> Webhook | None:
    """Where a site wants to be told, if anywhere."""
    return session.scalar(select(Webhook).where(Webhook.applicant_id == site_id, Webhook.active))


def set_webhook(
    session: Session, app_secrets: Secrets, actor: Actor, site_id: int, url: str, secret: str | None
) -> tuple[Webhook, str | None]:
    """Tell a site at this address from now on; it has one.

    Args:
        secret: signs what is sent; left out, the one in use stays, or one is made.

    Returns:
        the webhook, and its secret when it was made here.

    Raises:
        Invalid: the secret is not base64 of 24 to 64 bytes.
    """
    if secret is not None:
        key_of_secret(secret)
    session.execute(select(Applicant.id).where(Applicant.id == site_id).with_for_update())
    webhook = find_webhook(session, site_id)
    made = None
    if webhook is None:
        made = None if secret else SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        webhook = Webhook(applicant_id=site_id, url=url, secret_ciphertext=b"", created_at=now())
        session.add(webhook)
    before, webhook.url = webhook.url, url
    if secret or made:
        webhook.secret_ciphertext = _cipher(app_secrets).encrypt((secret or made or "").encode())
    session.flush()
    after = {"url": url, "secret_changed": bool(secret or made)}
    audit.record(
        session,
        "webhook.set",
        actor,
        subject=f"api_site:{site_id}",
        before={"url": before} if not made else None,
        after=after,
    )
    return webhook, made


def remove_webhook(session: Session, actor: Actor, site_id: int) -> None:
    """Tell a site nothing more. What was told stays on record.

    Raises:
        NotFound: it is not told anything.
    """
    webhook = find_webhook(session, site_id)
    if webhook is None:
        raise NotFound(N_("No webhook is set."))
    webhook.active = False
    session.flush()
    audit.record(session, "webhook.removed", actor, subject=f"api_site:{site_id}", before={"url": webhook.url})


def send_again(session: Session, actor: Actor, delivery_id: int) -> WebhookDelivery:
    """Give a delivery that was given up another round of attempts.

    Raises:
        NotAllowed, NotFound: no permission, no such delivery.
        Conflict: it is not among those given up, or its webhook is gone.
    """
    demand(actor, Permission.API_KEY_MANAGE)
    delivery = session.scalar(select(WebhookDelivery).where(WebhookDelivery.id == delivery_id).with_for_update())
    if delivery is None:
        raise NotFound(N_("There is no such delivery."))
    webhook = session.get_one(Webhook, delivery.webhook_id)
    if delivery.state != DeliveryState.FAILED or not webhook.active:
        raise Conflict(N_("This delivery is not among those given up any more."))
    delivery.state = DeliveryState.WAITING
    delivery.attempts = 0
    session.flush()
    tasks.enqueue(session, DELIVER_TASK, delivery_id=delivery.id)
    audit.record(session, "webhook.sent_again", actor, subject=f"api_site:{delivery.applicant_id}")
    return delivery


def secret_of(app_secrets: Secrets, webhook: Webhook) -> str:
    """The webhook's secret in clear, to sign with."""
    return _cipher(app_secrets).decrypt(webhook.secret_ciphertext).decode()


def key_of_secret(secret: str) -> bytes:
    """The bytes a secret stands for (Standard Webhooks: whsec_ and base64).

    Raises:
        Invalid: it is not that, or has fewer than 24 or more than 64 bytes.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not _FEWEST <= len(key) <= _MOST:
        raise Invalid(N_("A secret is whsec_ and 24 to 64 random bytes in base64."))
    return key


def _cipher(app_secrets: Secrets) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in app_secrets.identity_keys])

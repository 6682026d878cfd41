"""Where demo keys are collected: addresses and telephone numbers nobody can take for real, at a few authorities.

A fresh system has no pick-up sites, so the demo leaves most authorities without one and the screens say so.
"""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.kernel import audit
from workbench.kernel.identity import Actor
from workbench.organisation.models import Authority, PickupSite

SITES: Final = (
    ("110000", "示例政务大厅一层", "示例省示例市示例路1号", "周一至周五 9:00–11:30，13:30–17:00"),
    ("110000", "示例政务大厅分厅", "示例省示例市示例路2号", "周一、周三 9:00–11:30"),
    ("310000", "示例办事中心三层", "示例省示例市示例路31号", "周一至周五 9:00–16:30"),
    ("440000", "示例服务窗口", "示例省示例市示例路44号", "周一至周五 8:30–12:00，14:30–17:30"),
    ("650000", "示例行政服务中心", "示例省示例市示例路65号", "周一至周五 10:00–14:00，15:30–19:00"),
    ("330000", "示例便民中心二层", "示例省示例市示例路33号", "周一至周五 8:30–12:00，14:00–17:00"),
)


def open_sites(session: Session, actor: Actor) -> None:
    """Add the demo sites to authorities that have none."""
    authorities = {each.code: each for each in session.scalars(select(Authority))}
    with_site = set(session.scalars(select(PickupSite.authority_id)))
    for code, name, address, hours in SITES:
        authority = authorities[code]
        if authority.id in with_site:
            continue
        values = {"name": name, "address": address, "telephone": "000-00000000", "opening_hours": hours}
        site = PickupSite(authority_id=authority.id, note="演示数据 · 非真实地址", **values)
        session.add(site)
        session.flush()
        audit.record(
            session,
            "pickup_site.created",
            actor,
            subject=f"pickup_site:{site.id}",
            authority_id=authority.id,
            after=values,
        )

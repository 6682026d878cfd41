"""The remark templates a fresh system starts with; afterwards they are data that supervisors edit."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.words import Desk, Verdict
from workbench.kernel import audit
from workbench.kernel.identity import Actor
from workbench.review.models import RemarkTemplate

TEMPLATES: Final = (
    (Desk.PRE_CHECK, Verdict.PASSED, "材料齐全", "材料齐全、清晰，与申请信息一致，核验通过。"),
    (Desk.PRE_CHECK, Verdict.PASSED, "补正后通过", "已按要求补正，材料与申请信息一致，核验通过。"),
    (
        Desk.PRE_CHECK,
        Verdict.FAILED,
        "材料需补正",
        "贵单位提交的材料存在以下问题，请逐项补正后重新提交：\n%(faults)s",
    ),
    (
        Desk.PRE_CHECK,
        Verdict.FAILED,
        "重新上传",
        "以下材料无法核对，请重新扫描（彩色、完整、不裁边）并加盖公章后上传：\n%(faults)s",
    ),
    (
        Desk.PRE_CHECK,
        Verdict.FAILED,
        "信息不一致",
        "申请信息与证照不一致，请核对后修改申请信息或更换材料：\n%(faults)s",
    ),
    (Desk.RE_CHECK, Verdict.PASSED, "复核无误", "经复核，材料与申请信息一致，同意制作。"),
    (Desk.RE_CHECK, Verdict.PASSED, "补正后无误", "经复核，补正材料符合要求，同意制作。"),
    (
        Desk.RE_CHECK,
        Verdict.FAILED,
        "复核退回",
        "经复核，以下内容需要补正，请修改后重新提交：\n%(faults)s",
    ),
    (
        Desk.RE_CHECK,
        Verdict.FAILED,
        "签章图样不可用",
        "电子签章图样不清晰或不完整，无法制作，请重新提交：\n%(faults)s",
    ),
)


def seed_templates(session: Session, actor: Actor) -> int:
    """Add the first templates to a system that has none; returns how many were added."""
    if session.scalars(select(RemarkTemplate.id).limit(1)).first() is not None:
        return 0
    session.add_all(
        RemarkTemplate(desk=desk.value, verdict=verdict.value, title=title, text=text, position=position)
        for position, (desk, verdict, title, text) in enumerate(TEMPLATES)
    )
    audit.record(
        session, "remark_templates.seeded", actor, subject="remark_template:all", after={"count": len(TEMPLATES)}
    )
    session.flush()
    return len(TEMPLATES)

"""What stands on the six documents of an invented enterprise."""

from datetime import date

from workbench.demo.papers import PaperFacts
from workbench.demo.papers.inventions import InventedEnterprise, InventedHolder


def facts_of(enterprise: InventedEnterprise, holder: InventedHolder, number: str = "EK20260000000") -> PaperFacts:
    """Of a new key's case with this number, signed on 2 November 2026."""
    return PaperFacts(
        application_number=number,
        service="new",
        category_zh="其他货物进出口许可证",
        enterprise_name=enterprise.name,
        uscc=enterprise.uscc,
        legal_representative=enterprise.legal_representative,
        address=enterprise.address,
        authority_name="示例机构",
        holder_name=holder.name,
        holder_id_number=holder.id_number,
        holder_phone=holder.phone,
        holder_email=holder.email,
        issued_on=date(2026, 11, 2),
    )

"""What an installation starts with before its administrator has entered anything: authorities, document lists, remark
templates, contacts, courier companies and terms of hand-over.

Adds only what is missing and overwrites nothing that was edited. Invents no address, no person and no calendar.
"""

import workbench.models  # noqa: F401 - every table, so that foreign keys are known
from workbench.collection.terms import seed_terms
from workbench.dispatch.carriers import seed_carriers
from workbench.documents.requirements import seed_requirements
from workbench.kernel.identity import system_actor
from workbench.kernel.parts import Parts
from workbench.organisation.seed import seed_authorities
from workbench.portal.front.contacts import seed_contacts
from workbench.review.seed import seed_templates


def enter_first_data(parts: Parts) -> None:
    """Enter what is missing, all or nothing; done at each start, it does nothing after the first."""
    actor = system_actor("first-start")
    with parts.work() as session:
        for seed in (seed_authorities, seed_requirements, seed_templates, seed_contacts, seed_carriers, seed_terms):
            seed(session, actor)

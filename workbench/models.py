"""Every room's tables in one place, so that migrations and tests see the whole schema. Defines nothing."""

from workbench.api import models as api
from workbench.cases import models as cases
from workbench.collection import models as collection
from workbench.dispatch import models as dispatch
from workbench.documents import models as documents
from workbench.kernel import audit, checkpoints, jobs, outbox
from workbench.kernel.db import Base
from workbench.keys import models as keys
from workbench.organisation import models as organisation
from workbench.portal import models as portal
from workbench.production import models as production
from workbench.reports import models as reports
from workbench.review import models as review

__all__ = [
    "Base",
    "api",
    "audit",
    "cases",
    "checkpoints",
    "collection",
    "dispatch",
    "documents",
    "jobs",
    "keys",
    "organisation",
    "outbox",
    "portal",
    "production",
    "reports",
    "review",
]

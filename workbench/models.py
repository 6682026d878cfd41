"""Every room's tables in one place, so that migrations and tests see the whole schema. Defines nothing."""

from workbench.cases import models as cases
from workbench.documents import models as documents
from workbench.kernel import audit, checkpoints, jobs, outbox
from workbench.kernel.db import Base
from workbench.organisation import models as organisation
from workbench.review import models as review

__all__ = ["Base", "audit", "cases", "checkpoints", "documents", "jobs", "organisation", "outbox", "review"]

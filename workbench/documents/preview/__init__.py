"""The locked renderer: strangers' files go in, pixels, sizes and words come out.

No parser touches a file in the calling process; each document is opened in its own child behind rlimits, Landlock and
seccomp. Refuses what it can't show with a `Refused` that names the reason, and never raises anything else for a file.
"""

from workbench.documents.limits import RenderLimits
from workbench.documents.preview.model import (
    ALL_WALLS,
    Inspection,
    Kind,
    PageImage,
    PageSize,
    PageText,
    RefusalCode,
    Refused,
    RendererUnfit,
    SelfTest,
    Word,
)
from workbench.documents.preview.renderer import Renderer
from workbench.documents.preview.sniff import sniff

__all__ = [
    "ALL_WALLS",
    "Inspection",
    "Kind",
    "PageImage",
    "PageSize",
    "PageText",
    "RefusalCode",
    "Refused",
    "RenderLimits",
    "Renderer",
    "RendererUnfit",
    "SelfTest",
    "Word",
    "sniff",
]

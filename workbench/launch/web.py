"""What each web process does before its first request; gunicorn reads this module as its configuration."""

from typing import Any

from workbench.documents.preview import RendererUnfit
from workbench.documents.rendering import fitness


def post_worker_init(worker: Any) -> None:
    """Start the renderer now, so that the first upload after a start is shown as quickly as any other."""
    try:
        fitness()
    except RendererUnfit as unfit:
        worker.log.error("Documents cannot be shown: %s", unfit)

"""What each web process does as it starts; gunicorn reads this module as its configuration."""

import threading
from typing import Any

from workbench.documents.preview import RendererUnfit
from workbench.documents.rendering import fitness


def post_worker_init(worker: Any) -> None:
    """Start the renderer beside the first requests, so that the first upload is shown as quickly as any other."""
    threading.Thread(target=_warm, args=(worker,), name="renderer-warm-up", daemon=True).start()


def _warm(worker: Any) -> None:
    try:
        fitness()
    except RendererUnfit as unfit:
        worker.log.error("Documents cannot be shown: %s", unfit)

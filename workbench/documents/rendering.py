"""The one renderer of this process, started when the first file arrives and ended with the process."""

import atexit
import threading
from functools import cache

from workbench.documents.preview import Renderer, SelfTest

_lock = threading.Lock()
_started: list[Renderer] = []


def renderer() -> Renderer:
    """This process's renderer. Any number of threads may use it; after a fork the child starts its own zygote."""
    with _lock:
        if not _started:
            _started.append(Renderer())
            atexit.register(_started[0].close)
        return _started[0]


@cache
def fitness() -> SelfTest:
    """What the self-test found when this process first asked: the walls that stand, and that Chinese text shows.

    Raises:
        RendererUnfit: a Chinese page whose fonts are not embedded comes out blank. Asked again, it is tested again.
    """
    return renderer().self_test()

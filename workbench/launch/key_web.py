"""How gunicorn shakes hands on the listener for e-keys; it reads this module as that listener's configuration."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.launch.key_listener import listening_context


def ssl_context(config: Any, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Our own way instead of the default one, which looks at dates and would cut the connection without a word."""
    return listening_context(Path(config.certfile), Path(config.keyfile), Path(config.ca_certs))

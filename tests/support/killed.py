"""A part of the server that dies by SIGKILL at a chosen commit, in a process of its own; the test outlives it."""

import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from workbench.kernel.db import make_engine, make_session_factory
from workbench.kernel.parts import Parts

When = Literal["before", "after"]


def dies(parts: Parts, act: Callable[[Parts], object], commit: int, when: When) -> bool:
    """Let a process of its own act until just before or after its nth commit, where it is killed.

    Returns:
        Whether it came so far; False when it had done everything before.

    Raises:
        AssertionError: it failed by itself.
    """
    child = os.fork()
    if child == 0:
        try:
            act(_killed_at(parts, commit, when))
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "it failed by itself: see its output"
    return False


def _killed_at(parts: Parts, commit: int, when: When) -> Parts:
    """The same parts with connections of their own, whose nth commit is the last thing this process does."""
    engine = make_engine(parts.engine.url.render_as_string(hide_password=False))
    really, left = engine.dialect.do_commit, commit

    def do_commit(connection: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        really(connection)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    vars(engine.dialect)["do_commit"] = do_commit  # every transaction passes here
    return replace(parts, engine=engine, session_factory=make_session_factory(engine, parts.settings.site_url))

"""A process of its own that asks a CA by CMP and is killed where it is told to be: `asking.py before|after FILE`.

It reads its settings from the environment and the order from its input, one hexadecimal field a line.
"""

import os
import signal
import sys
from datetime import datetime

from workbench.config import settings
from workbench.production.algorithms import Algorithm
from workbench.production.ca.choosing import cmp_authority
from workbench.production.ca.cmp_folder import Exchange
from workbench.production.ca.connector import IssueOrder


def die_at(moment: str, wanted: str) -> None:
    """Kill this process before or after a file of the exchange is kept."""
    keep = Exchange.keep

    def keep_or_die(self: Exchange, name: str, content: bytes) -> None:
        if (moment, name) == ("before", wanted):
            os.kill(os.getpid(), signal.SIGKILL)
        keep(self, name, content)
        if (moment, name) == ("after", wanted):
            os.kill(os.getpid(), signal.SIGKILL)

    Exchange.keep = keep_or_die  # type: ignore[method-assign]


def main() -> None:
    """Ask once."""
    transaction, request, subject, not_before, not_after = sys.stdin.read().split("\n")
    asked = IssueOrder(
        transaction,
        bytes.fromhex(request),
        bytes.fromhex(subject),
        datetime.fromisoformat(not_before),
        datetime.fromisoformat(not_after),
    )
    die_at(*sys.argv[1:3])
    cmp_authority(settings(), Algorithm.P_256).issue(asked)


if __name__ == "__main__":
    main()

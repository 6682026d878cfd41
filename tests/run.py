"""`make test`: first the tests that need nothing but a database, side by side on several processes; then, one after the
other, those in a browser and those that start processes.

Both parts run even when the first failed; one closing line of pytest comes last, with the sum of both.
"""

import os
import re
import subprocess
import sys

PROCESSES = min(8, max(2, os.cpu_count() or 2))
SIDE_BY_SIDE = ["-n", str(PROCESSES), "--dist", "loadfile", "-m", "not serial and not browser"]
ALONE = ["-m", "serial or browser"]
COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed|deselected|warnings?)")
SECONDS = re.compile(r" in ([\d.]+)s")
NO_TESTS = 5


def main() -> int:
    """Run both parts; the exit code is the first that is not zero."""
    totals: dict[str, int] = {}
    seconds = 0.0
    codes = []
    for part in (SIDE_BY_SIDE, ALONE):
        code, closing = _pytest([*part, *sys.argv[1:]])
        codes.append(0 if code == NO_TESTS else code)
        for count, word in COUNT.findall(closing):
            if word != "deselected":
                totals[word] = totals.get(word, 0) + int(count)
        seconds += sum(float(value) for value in SECONDS.findall(closing))
    counts = ", ".join(f"{count} {word}" for word, count in sorted(totals.items()))
    print(f"==== {counts or 'no tests ran'} in {seconds:.2f}s ====")
    return next((code for code in codes if code), 0 if totals.get("passed") else NO_TESTS)


def _pytest(arguments: list[str]) -> tuple[int, str]:
    """The exit code and the last line that counts results; everything is shown as it comes."""
    closing = ""
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", *arguments], stdout=subprocess.PIPE, text=True, bufsize=1
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            print(line, end="", flush=True)
            if SECONDS.search(line) and (COUNT.search(line) or "no tests ran" in line):
                closing = line
    return run.returncode, closing


if __name__ == "__main__":
    sys.exit(main())

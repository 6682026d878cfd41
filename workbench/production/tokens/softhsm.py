"""SoftHSM 2 as the token of development and tests: a folder of tokens that nobody has to plug in.

It keeps keys in files, so no e-key for anybody real is made with it.
"""

import os
import sysconfig
from pathlib import Path
from typing import Final

from pkcs11 import PKCS11Error, TokenFlag

from workbench.production.tokens.cryptoki import Library, library_at, serial_of
from workbench.production.tokens.driver import Fault, TokenFault
from workbench.production.tokens.faults import fault_of

BLANK_LABEL: Final = "blank"
_VARIABLE: Final = "SOFTHSM2_CONF"
_FOLDERS: Final = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64", "/opt/homebrew/lib")
_PULLED: Final = "pulled"


def find_library() -> Path | None:
    """SoftHSM's library where Debian, Ubuntu, Fedora and a build of one's own put it; None when it is not installed."""
    architecture = sysconfig.get_config_var("MULTIARCH")
    folders = [f"/usr/lib/{architecture}"] if architecture else []
    for folder in [*folders, *_FOLDERS]:
        for place in ("softhsm", "pkcs11"):
            path = Path(folder, place, "libsofthsm2.so")
            if path.is_file():
                return path
    return None


def require_library() -> Path:
    """SoftHSM's library.

    Raises:
        TokenFault: DRIVER_MISSING; its detail says what to install.
    """
    path = find_library()
    if path is None:
        raise TokenFault(Fault.DRIVER_MISSING, "SoftHSM is not installed. Debian, Ubuntu: apt-get install softhsm2")
    return path


class Store:
    """The tokens of one folder.

    SoftHSM learns the folder from the environment (SOFTHSM2_CONF) whenever its library starts, so a process has one
    store at a time: the one that was activated last.
    """

    def __init__(self, folder: Path, library: Path | None = None) -> None:
        """Make the folder and its configuration, where they are missing. SoftHSM's library is found by itself.

        Raises:
            TokenFault: DRIVER_MISSING.
        """
        folder = folder.resolve()
        self._tokens = folder / "tokens"
        self._pulled = folder / _PULLED
        for needed in (self._tokens, self._pulled):
            needed.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.configuration = folder / "softhsm2.conf"
        configuration = (
            f"directories.tokendir = {self._tokens}\n"
            "objectstore.backend = file\n"
            "objectstore.umask = 0077\n"
            "log.level = ERROR\n"
            "slots.removable = true\n"
        )
        if not self.configuration.exists() or self.configuration.read_text() != configuration:
            self.configuration.write_text(configuration)
        self.library = library or require_library()

    def activate(self) -> None:
        """Let this process's SoftHSM use this store: before its library is loaded, or by starting it anew.

        Raises:
            TokenFault: DRIVER_MISSING.
        """
        os.environ[_VARIABLE] = str(self.configuration)
        library = library_at(self.library)
        with library.lock:
            library.restart()

    def add_blank_tokens(self, count: int, so_pin: str) -> list[str]:
        """The serial numbers of `count` new tokens that have an SO PIN and nothing else. Activates the store.

        SoftHSM draws a serial number when a token is initialised first and keeps it from then on.

        Raises:
            TokenFault: DRIVER_MISSING; TOKEN_FAILED when the folder takes no more.
        """
        self.activate()
        library = library_at(self.library)
        with library.lock:
            before = _serials(library)
            for _ in range(count):
                _initialise_spare(library, so_pin)
            library.restart()
            return sorted(_serials(library) - before)

    def serials(self) -> list[str]:
        """The tokens that are plugged in."""
        return sorted(_serial_of_folder(folder) for folder in self._tokens.iterdir())

    def pull(self, serial: str) -> None:
        """Take a token out, as a hand would, at any instant.

        Raises:
            KeyError: it is not plugged in.
        """
        self._move(serial, self._tokens, self._pulled)

    def plug(self, serial: str) -> None:
        """Put a token back in.

        Raises:
            KeyError: it was not taken out.
        """
        self._move(serial, self._pulled, self._tokens)

    @staticmethod
    def _move(serial: str, source: Path, target: Path) -> None:
        by_serial = {_serial_of_folder(folder): folder for folder in source.iterdir()}
        folder = by_serial[serial]
        folder.rename(target / folder.name)


def _initialise_spare(library: Library, so_pin: str) -> None:
    """SoftHSM always shows one token more than there are; initialising it makes it one of them."""
    try:
        spare = next(token for token in library.tokens() if not token.flags & TokenFlag.TOKEN_INITIALIZED)
        library.init_token(spare, so_pin, BLANK_LABEL)
    except PKCS11Error as error:
        raise fault_of(error, as_officer=True) from None
    except StopIteration:
        raise TokenFault(Fault.TOKEN_FAILED, "SoftHSM shows no token to initialise") from None


def _serials(library: Library) -> set[str]:
    return {serial_of(token) for token in library.tokens()} - {""}


def _serial_of_folder(folder: Path) -> str:
    """SoftHSM names a token's folder by a UUID whose last sixteen digits are the serial number."""
    return folder.name.replace("-", "")[-16:]

"""The agent's command line: `bench-agent` beside the maker's tokens, `bench-agent --holder` for one renewal."""

import io
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.config import BadSettings

if TYPE_CHECKING:
    from workbench.production.agent.config import AgentSettings
    from workbench.production.agent.performing import AskPin
    from workbench.production.agent.words import Translate

_FILE = click.Path(dir_okay=False, path_type=Path)


class _Asked:
    """Whether the program was asked to end. The token call that runs is finished first."""

    def __init__(self) -> None:
        self._asked = False

    def __call__(self) -> bool:
        return self._asked

    def listen(self) -> None:
        """Take the place of what these signals do by themselves."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):  # Windows has no SIGHUP
                signal.signal(getattr(signal, name), self._note)

    def _note(self, number: int, frame: object) -> None:
        self._asked = True


@click.command("bench-agent")
@click.option("--server", help="Address of the workbench.")
@click.option("--credential-file", type=_FILE, help="File with the credential; of a holder: the one-time code.")
@click.option("--driver", help="pkcs11 (a real token's library), softhsm or sm2-software (for trying out).")
@click.option("--library", type=_FILE, help="The PKCS #11 library that came with the tokens.")
@click.option("--so-pin-file", type=_FILE, help="File with the tokens' security officer's PIN.")
@click.option("--token-folder", type=click.Path(file_okay=False, path_type=Path), help="Where software tokens live.")
@click.option("--ca-file", type=_FILE, help="PEM: who vouches for the server.")
@click.option("--language", help="zh or en.")
@click.option("--holder", is_flag=True, help="Renew the one token that is plugged in here; asks for code and PIN.")
def bench_agent(holder: bool, **options: Any) -> None:
    """Do beside the token what the workbench orders, until Ctrl-C.

    Every option can be set as WORKBENCH_AGENT_<OPTION> in the environment.
    """
    from workbench.production.agent.config import read_settings

    try:
        sys.exit(_run(read_settings(**options), holder=holder))
    except BadSettings as error:
        click.echo(str(error), err=True)
        sys.exit(2)


def main() -> None:
    """The command by itself, without the others."""
    bench_agent(prog_name="bench-agent")


def _run(settings: "AgentSettings", *, holder: bool) -> int:
    # Imported late: the other commands of the product need no token driver.
    from workbench.production.agent.client import Client
    from workbench.production.agent.config import read_secret
    from workbench.production.agent.loop import Agent
    from workbench.production.agent.performing import Performer
    from workbench.production.agent.words import Speaker, translator
    from workbench.production.tokens.choosing import load_driver
    from workbench.production.tokens.driver import TokenFault

    translate = translator(settings.language)
    credential = _credential(settings, translate, holder=holder)
    so_pin = read_secret(settings.so_pin_file) if settings.so_pin_file is not None else ""
    try:
        driver = load_driver(settings.driver, settings.library, so_pin, settings.token_folder)
        client = Client(settings.base, credential, ca_file=settings.ca_file, language=settings.language)
    except TokenFault as fault:
        raise BadSettings(f"The token driver cannot be started. {fault.detail}") from None
    except OSError as error:
        raise BadSettings(f"{settings.ca_file} cannot be used: {error}") from None
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a rare character in a name must not end the program
    asked = _Asked()
    asked.listen()
    performer = Performer(driver, ask_pin=_pin_prompt(translate) if holder else None, stopped=asked)
    speaker = Speaker(translate, to_holder=holder)
    agent = Agent(driver, client, performer, speaker, software=settings.software, stopped=asked)
    try:
        return agent.run()
    finally:
        client.close()


def _credential(settings: "AgentSettings", translate: "Translate", *, holder: bool) -> str:
    from workbench.kernel.messages import N_
    from workbench.production.agent.config import check_credential, read_secret

    if settings.credential_file is not None:
        return check_credential(read_secret(settings.credential_file))
    if not holder:
        raise BadSettings("WORKBENCH_AGENT_CREDENTIAL_FILE: name the file with the station's credential.")
    try:
        return check_credential(_ask(translate(N_("One-time code from the page: "))) or "")
    except BadSettings:
        raise BadSettings(translate(N_("This is not the code from the page."))) from None


def _pin_prompt(translate: "Translate") -> "AskPin":
    from workbench.kernel.messages import N_

    def ask(serial: str, left: int) -> str | None:
        words = translate(N_("PIN of token %(serial)s (tries left: %(left)d): "))
        return _ask(words % {"serial": serial, "left": left})

    return ask


def _ask(words: str) -> str | None:
    """What is typed without being shown; None when nothing is, or Ctrl-C."""
    import getpass

    noted = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return getpass.getpass(words) or None
    except (EOFError, KeyboardInterrupt):
        return None
    finally:
        signal.signal(signal.SIGINT, noted)

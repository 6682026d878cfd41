"""A link in an e-mail opens what it was made for and nothing else, whoever changes it."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from workbench.config import Settings
from workbench.kernel.blobs import BlobStore
from workbench.kernel.clock import clock_at, now
from workbench.kernel.db import make_session_factory
from workbench.kernel.parts import Parts
from workbench.kernel.secrets import Secrets
from workbench.portal.accounts import links
from workbench.portal.accounts.links import BadLink


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """An installation's parts; nothing here connects to the database."""
    folder: Path = tmp_path_factory.mktemp("var")
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nowhere")
    settings = Settings(var_dir=folder, port=8123)
    factory = make_session_factory(engine)
    secrets = Secrets.load_or_create(settings.key_dir)
    return Parts(settings=settings, engine=engine, session_factory=factory, secrets=secrets, blobs=BlobStore(folder))


def token_of(link: str) -> str:
    return link.rpartition("/")[2]


def test_links_open_what_they_were_made_for(parts: Parts) -> None:
    activation, reset = links.activation_link(parts, 7), links.reset_link(parts, 8, 3)
    assert activation.startswith("http://127.0.0.1:8123/activate/")
    assert reset.startswith("http://127.0.0.1:8123/password/reset/")
    assert links.read_activation(parts, token_of(activation)) == 7
    assert links.read_reset(parts, token_of(reset)) == (8, 3)


def test_a_link_for_one_thing_opens_nothing_of_the_other(parts: Parts) -> None:
    with pytest.raises(BadLink) as refusal:
        links.read_reset(parts, token_of(links.activation_link(parts, 7)))
    assert not refusal.value.expired
    with pytest.raises(BadLink):
        links.read_activation(parts, token_of(links.reset_link(parts, 7, 1)))


@pytest.mark.parametrize("hours", [48])
def test_an_activation_expires(parts: Parts, hours: int) -> None:
    token = token_of(links.activation_link(parts, 7))
    with clock_at(now() + timedelta(hours=hours, seconds=-5)):
        assert links.read_activation(parts, token) == 7
    with clock_at(now() + timedelta(hours=hours, seconds=5)), pytest.raises(BadLink) as refusal:
        links.read_activation(parts, token)
    assert refusal.value.expired


def test_a_reset_expires(parts: Parts) -> None:
    token = token_of(links.reset_link(parts, 7, 1))
    with clock_at(now() + timedelta(hours=2, seconds=5)), pytest.raises(BadLink) as refusal:
        links.read_reset(parts, token)
    assert refusal.value.expired


@given(position=st.integers(min_value=0), other=st.sampled_from("ABCxyz019-_.=%"))
def test_a_changed_character_opens_nothing_else(parts: Parts, position: int, other: str) -> None:
    """The last character of a part may carry unused bits: such a change reads the same, never as another account."""
    token = token_of(links.activation_link(parts, 7))
    place = position % len(token)
    changed = token[:place] + other + token[place + 1 :]
    try:
        assert links.read_activation(parts, changed) == 7
    except BadLink:
        assert changed != token


@given(token=st.text(max_size=120))
def test_any_other_text_opens_nothing(parts: Parts, token: str) -> None:
    for read in (links.read_activation, links.read_reset):
        with pytest.raises(BadLink):
            read(parts, token)

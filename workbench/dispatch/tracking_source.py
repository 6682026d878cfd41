"""A courier's interface that is asked where a parcel is. Redirects are not followed, answers are bounded, and what
cannot be read is a failure to be tried again, never an event. One event that cannot be kept is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote

import structlog
import urllib3
from pydantic import AnyUrl, AwareDatetime, BaseModel, Field, ValidationError

from workbench.dispatch.tracking_file import CLOCKS_DIFFER, Told, parse_status, told
from workbench.dispatch.words import TrackingStatus
from workbench.kernel.clock import in_utc
from workbench.kernel.whole_answers import WholeAnswer

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 15.0
TRIES: Final = 3
BACKOFF_SECONDS: Final = 1.0
"""Seconds before the second try; each further one waits twice as long."""
LARGEST_ANSWER: Final = 512 * 1024
MOST_EVENTS: Final = 500
_TROUBLED: Final = (408, 425, 429, 500, 502, 503, 504)
"""Answers that may change by themselves (RFC 9110, RFC 6585)."""
_log = structlog.get_logger(__name__)


class SourceFailed(Exception):
    """The courier could not be asked, or what it said could not be read. `answered` when it knows no such parcel, or
    says of it what cannot be read: that tells nothing of other parcels."""

    def __init__(self, reason: str, *, answered: bool = False) -> None:
        super().__init__(reason)
        self.answered = answered


class TrackingSource(Protocol):
    """Whoever knows where parcels are."""

    def events_of(self, carrier_code: str, waybill: str, at: datetime) -> Sequence[Told]:
        """What happened to a parcel until now.

        Raises:
            SourceFailed: nothing was learnt.
        """


class _Event(BaseModel):
    """One event as the interface writes it."""

    time: AwareDatetime
    status: str = Field(max_length=40)
    place: str = Field(default="", max_length=400)
    words: str = Field(default="", max_length=2000)
    id: str = Field(default="", max_length=80)


class _Answer(BaseModel):
    """All events of a parcel."""

    events: list[_Event] = Field(max_length=MOST_EVENTS)


@dataclass(frozen=True)
class Patience:
    """How long to wait for a whole answer and between tries, in seconds."""

    connect: float = CONNECT_SECONDS
    answer: float = ANSWER_SECONDS
    backoff: float = BACKOFF_SECONDS
    tries: int = TRIES


class HttpSource:
    """Asks GET <url>/<carrier>/<waybill> and reads {"events": [{"time", "status", "place", "words", "id"}]}.

    Name and password in the address are sent as HTTP Basic authentication.
    """

    def __init__(self, url: AnyUrl, patience: Patience | None = None) -> None:
        patience = patience or Patience()
        self._base = f"{url.scheme}://{url.host}{f':{url.port}' if url.port else ''}{(url.path or '').rstrip('/')}"
        self._headers = {"Accept": "application/json"}
        if url.username:
            words = f"{unquote(url.username)}:{unquote(url.password or '')}"
            self._headers.update(urllib3.make_headers(basic_auth=words))
        self._pool = _Pools(
            timeout=urllib3.Timeout(connect=patience.connect, read=patience.answer),
            retries=urllib3.Retry(
                total=patience.tries - 1,
                redirect=False,
                status_forcelist=_TROUBLED,
                backoff_factor=patience.backoff,
                respect_retry_after_header=False,
                raise_on_status=False,
            ),
        )

    def events_of(self, carrier_code: str, waybill: str, at: datetime) -> Sequence[Told]:
        """As the interface says."""
        address = f"{self._base}/{quote(carrier_code, safe='')}/{quote(waybill, safe='')}"
        try:
            response = self._pool.request("GET", address, headers=self._headers, redirect=False, preload_content=False)
            try:
                content = response.read(LARGEST_ANSWER + 1)
            finally:
                response.close()
        except urllib3.exceptions.HTTPError as error:
            raise SourceFailed(f"not reached: {type(_cause(error)).__name__}") from None
        if response.status != 200:
            raise SourceFailed(f"answered {response.status}", answered=response.status in (404, 410))
        if len(content) > LARGEST_ANSWER:
            raise SourceFailed("answered too much", answered=True)
        try:
            answer = _Answer.model_validate_json(content)
        except ValidationError:
            raise SourceFailed("answered what cannot be read", answered=True) from None
        found = (_told(each) for each in answer.events if each.time <= at + CLOCKS_DIFFER)
        return [each for each in found if each is not None]

    def close(self) -> None:
        """Give the connections back."""
        self._pool.clear()


class _Http(urllib3.connection.HTTPConnection):
    response_class = WholeAnswer


class _Https(urllib3.connection.HTTPSConnection):
    response_class = WholeAnswer


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


class _Pools(urllib3.PoolManager):
    """Connections whose time-out for reading is one for the whole answer."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


def _told(event: _Event) -> Told | None:
    """The event as it is kept; None when its time or its reference is nothing that can be."""
    happened = in_utc(event.time)
    if happened is None or not event.id.isprintable():
        _log.warning("tracking_event_skipped", time=event.time.isoformat(), ref=event.id)
        return None
    # A word we do not know is still said of the parcel; it only counts as nothing more than being under way.
    status = parse_status(event.status) or TrackingStatus.UNDER_WAY
    return told(happened, status, event.place, event.words or event.status, event.id)


def _cause(error: urllib3.exceptions.HTTPError) -> BaseException:
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason is not None:
        return error.reason
    return error

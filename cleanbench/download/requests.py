"""One request: the bytes of an address, or what kind of failure it was."""

import email.utils
import http.client
import re
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from cleanbench import __version__
from cleanbench.download import connections
from cleanbench.download.connections import Gone, Patience, Retry, opener

USER_AGENT = f"cleanbench/{__version__} (fetches the images of a public research data set, once, at a low rate)"

# HTTP statuses that say "not now".
NOT_NOW = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


@dataclass(frozen=True)
class Answer:
    """A whole answer.

    Attributes:
        content: Its bytes.
        kind: The media type that the server names.
        complete: Whether the server said how long it is, so that a cut would have shown.
    """

    content: bytes
    kind: str
    complete: bool


def get(url: str, timeout: float, stop: threading.Event) -> Answer:
    """Return what lies at an address.

    Args:
        url: With the scheme http or https; redirections to others are not followed.
        timeout: Seconds without a byte after which the request has failed; four times as long for all of it, from the
            connection to the last byte, with all redirections.
        stop: Set when everything is to end.

    Raises:
        Gone: If asking again is of no use; `Changed` if that is because something else comes.
        Retry: If it may be.
    """
    patience = Patience(timeout, stop)
    try:
        headers = {"User-Agent": USER_AGENT, "Accept": "image/*,*/*;q=0.5"}
        request = urllib.request.Request(_quoted(url), headers=headers)
        with opener(patience).open(request, timeout=timeout) as response:
            patience.answered = True
            return _read(response)
    except urllib.error.HTTPError as error:
        with error:
            reason = f"HTTP {error.code} {error.reason}"
            if error.code in NOT_NOW:
                raise Retry(reason, _retry_after(error.headers.get("Retry-After"))) from error
            raise Gone(reason) from error
    # The encoding of a name as one of the internet raises a ValueError, here or where a redirection leads.
    except (http.client.InvalidURL, ValueError) as error:
        raise Gone(f"no proper address: {error}") from error
    except urllib.error.URLError as error:
        raise Retry(_told(error.reason), answered=False, connected=patience.connected) from error
    except (OSError, http.client.HTTPException) as error:
        raise Retry(_told(error), answered=False, connected=patience.connected) from error


def _read(response: http.client.HTTPResponse) -> Answer:
    """Return the rest of an answer that has begun."""
    if response.status != http.client.OK:
        raise Gone(f"HTTP {response.status} {response.reason}")
    stated = _length(response.headers.get("Content-Length"))
    if stated is not None and stated > connections.LARGEST:
        raise connections.too_large()
    parts: list[bytes] = []
    size = 0
    try:
        while part := response.read1(1 << 16):
            parts.append(part)
            size += len(part)
    except (OSError, http.client.HTTPException) as error:
        raise Retry(f"broke off after {size:,} bytes: {_told(error)}") from error
    if stated is not None and size < stated:
        raise Retry(f"cut off after {size:,} of {stated:,} bytes")
    # The parts of a chunked answer end with a mark, so that a cut raises an error.
    marked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
    kind = connections.one_line(response.headers.get_content_type())
    return Answer(b"".join(parts), kind, stated is not None or marked)


def _length(text: str | None) -> int | None:
    """Return the length that a server states; None if it states none, or nonsense."""
    digits = (text or "").strip()
    return int(digits) if re.fullmatch("[0-9]{1,18}", digits) else None


def _told(cause: object) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {cause.verify_message}"
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    return str(getattr(cause, "strerror", None) or cause) or type(cause).__name__


def _quoted(url: str) -> str:
    """Return an address in ASCII; what is quoted already stays as it is."""
    return urllib.parse.quote(url, safe="%/:=&?~#+!$,;'@()*[]")


def _retry_after(text: str | None) -> float | None:
    """Return the seconds that a server asks to wait: a number, or a date to wait for."""
    if text is None:
        return None
    if re.fullmatch(r"\s*[0-9]{1,9}\s*", text):
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
        return max(0.0, date.timestamp() - time.time())
    # A year or a zone may be any number.
    except (ValueError, OverflowError, OSError):
        return None

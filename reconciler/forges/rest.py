"""JSON over HTTP, as forges speak it: pages, rate limits, trouble that passes, and refusals told plainly."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from reconciler import __version__
from reconciler.domain.errors import ReconcilerError
from reconciler.forges.forge import ForgeRefused, ForgeUnavailable, Unsure

ATTEMPTS = 5
LONGEST_WAIT = 120.0
"""Seconds that are waited for a rate limit to pass; a longer one is told instead."""
TIMEOUT = 30.0
LARGEST_ANSWER = 64 * 1024 * 1024
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def message(self) -> str:
        """What the forge says about it: GitHub's ``message`` with its ``errors``, GitLab's ``message`` or ``error``."""
        try:
            told = json.loads(self.body)
        except ValueError:
            return ""
        if not isinstance(told, dict):
            return ""
        parts = [told.get("message") or told.get("error"), *_listed(told.get("errors"))]
        return "; ".join(part if isinstance(part, str) else json.dumps(part) for part in parts if part)


Explain = Callable[[str, str, Answer], ReconcilerError]
"""What an answer means: method, path, answer → the error to raise."""


class Rest:
    """One API below ``base``. Redirects are not followed: what is sent with a credential goes where it was told, or nowhere.

    Raises ForgeUnavailable, Unsure for a POST that may have been obeyed, and what ``explain`` says about other answers.
    """

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str],
        explain: Explain,
        *,
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._base = _checked(base).rstrip("/")
        self._headers = {"User-Agent": f"reconciler/{__version__}", "Accept": "application/json", **headers}
        self._explain = explain
        self._pause = pause
        self._now = now
        self._opener = build_opener(_NoRedirects())

    def get(self, path: str, **query: str | int) -> Any:
        return _parsed(self._answered("GET", self._url(path, query), path, None))

    def send(self, method: str, path: str, body: Mapping[str, object]) -> Any:
        return _parsed(self._answered(method, self._url(path, {}), path, json.dumps(body).encode()))

    def pages(self, path: str, **query: str | int) -> Iterator[Any]:
        """The items of a list, over all its pages (``Link: <…>; rel="next"``, RFC 8288)."""
        url: str | None = self._url(path, {"per_page": 100, **query})
        while url:
            answer = self._answered("GET", url, path, None)
            items = _parsed(answer)
            if not isinstance(items, list):
                raise ForgeUnavailable(f"{self._base} answers GET {path} with something that is no list")
            yield from items
            url = self._next(answer)

    def _url(self, path: str, query: Mapping[str, str | int]) -> str:
        return f"{self._base}{path}{'?' + urlencode(query) if query else ''}"

    def _next(self, answer: Answer) -> str | None:
        """Raises ForgeUnavailable for a page elsewhere: our credential is not for it."""
        found = re.search(r'<([^>]+)>\s*;[^,]*\brel="next"', answer.headers.get("Link", ""))
        if found and not found[1].startswith(f"{self._base}/"):
            raise ForgeUnavailable(f"{self._base} names a next page elsewhere: {found[1]}")
        return found[1] if found else None

    def _answered(self, method: str, url: str, path: str, body: bytes | None) -> Answer:
        """What is made of an answer.

        ==================== ====================================================================
        2xx                  done
        429, 403 as a limit  again once it passed; told where that takes too long
        5xx, no answer       again; what makes something (POST) is Unsure instead
        anything else        what ``explain`` says
        ==================== ====================================================================
        """
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._asked(method, url, body)
            if isinstance(answer, Answer) and answer.status < 300:
                return answer
            wait = self._wait(answer, attempt)
            if wait is None:
                assert isinstance(answer, Answer)
                raise self._explain(method, path, answer)
            if method == "POST" and not _is_limit(answer):
                self._pause(wait)  # so that whoever looks whether it is there finds it
                raise Unsure(self._failure(method, path, answer), hint=_patience(answer, wait))
            if attempt == ATTEMPTS or wait > LONGEST_WAIT:
                raise ForgeUnavailable(self._failure(method, path, answer), hint=_patience(answer, wait))
            self._pause(wait)
        raise AssertionError("the last attempt returns or raises")

    def _failure(self, method: str, path: str, answer: Answer | OSError) -> str:
        if isinstance(answer, Answer):
            return f"{self._base} answers {method} {path} with {answer.status} {answer.message}".rstrip()
        reason = getattr(answer, "reason", answer)
        return f"{self._base} cannot be reached: {getattr(reason, 'strerror', None) or reason}"

    def _wait(self, answer: Answer | OSError, attempt: int) -> float | None:
        """Seconds until it is worth another try; ``None``: never."""
        if not isinstance(answer, Answer) or answer.status >= 500:
            return float(2**attempt)
        if not _is_limit(answer):
            return None
        after, reset = answer.headers.get("Retry-After", ""), answer.headers.get("X-RateLimit-Reset", "")
        if after.isdigit():
            return float(after)
        return max(1.0, float(reset) - self._now()) if _is_used_up(answer) and reset.isdigit() else 60.0

    def _asked(self, method: str, url: str, body: bytes | None) -> Answer | OSError:
        content = {"Content-Type": "application/json"} if body is not None else {}
        request = Request(url, body, {**self._headers, **content}, method=method)  # noqa: S310 - checked when made
        try:
            with self._opener.open(request, timeout=TIMEOUT) as got:
                return Answer(got.status, got.headers, got.read(LARGEST_ANSWER))
        except HTTPError as refused:
            with refused:
                return Answer(refused.code, refused.headers, refused.read(LARGEST_ANSWER))
        except (OSError, HTTPException) as trouble:
            return trouble if isinstance(trouble, OSError) else OSError(str(trouble))


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def refused(summary: str, answer: Answer, hint: str) -> ForgeRefused:
    said = f": {answer.message}" if answer.message else ""
    return ForgeRefused(f"{summary} ({answer.status}{said})", hint=hint)


def _checked(base: str) -> str:
    """A token travels over TLS, or on this machine."""
    parts = urlsplit(base)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ReconcilerError(f"{base!r} is no address of a forge's API: https:// is needed")
    return base


def _is_limit(answer: Answer | OSError) -> bool:
    """GitHub tells its limits with 403 as well as with 429 (docs.github.com, "Rate limits for the REST API")."""
    if not isinstance(answer, Answer) or answer.status not in (403, 429):
        return False
    told = "Retry-After" in answer.headers or "rate limit" in answer.message.lower()
    return answer.status == 429 or told or _is_used_up(answer)


def _is_used_up(answer: Answer | OSError) -> bool:
    return isinstance(answer, Answer) and answer.headers.get("X-RateLimit-Remaining") == "0"


def _patience(answer: Answer | OSError, wait: float) -> str:
    if _is_limit(answer):
        return f"The rate limit passes in about {wait / 60:.0f} minutes: run the job again then."
    return "Run the job again once the forge answers."


def _parsed(answer: Answer) -> Any:
    if not answer.body:
        return None
    try:
        return json.loads(answer.body)
    except ValueError as trouble:
        raise ForgeUnavailable("the forge's answer is no JSON") from trouble


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

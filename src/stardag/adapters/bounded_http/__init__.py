"""One exchange with a server: some requests under one deadline that nothing escapes, bounded answers, no redirects.

httpx bounds each read, not the whole: a server that sends a byte now and then, or a name server that is silent, holds
it up for ever. An exchange therefore runs on a daemon thread and is given up when its time is over. What httpx raises
may hold headers and bodies, and with them secrets; none of it leaves this module, nor does a traceback through it.
Whoever asks says which errors stand for no answer, and for one that cannot be used.
"""

import logging
import os
import socket
import ssl
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.util import find_spec
from time import monotonic, time
from typing import Literal, Protocol, TypeVar, runtime_checkable

import httpx

from stardag.adapters.bounded_http.failures import STAGES, explain, no_answer
from stardag.adapters.bounded_http.proxies import ProxyChoice, ProxyPassage, proxy_for
from stardag.domain.errors import StardagError
from stardag.domain.registry_url import is_plain_beyond_loopback
from stardag.domain.version import VERSION

KEEP_ALIVE_SECONDS = 2.0
"""Shorter than any server's, so that a connection is never reused in the moment in which the server closes it."""

Result = TypeVar("Result")

Parameters = Mapping[str, str | Sequence[str]]
"""What follows the question mark of an address; one name may have several values."""

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

Method = Literal["POST", "PUT", "PATCH", "DELETE"]

_FAILURES = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError)
"""What sending and reading may raise; a ValueError comes of a name that no host can have."""

_CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")

_LOGGER = logging.getLogger(__name__)
"""Says which address was asked and how it was answered; never a header or a body."""


@dataclass(frozen=True, slots=True)
class Server:
    """Who is asked, and what is raised when that fails."""

    url: str
    """What errors call it."""
    unreachable: Callable[[str, str, str | None], StardagError]
    """The error for no answer: of the URL, the reason, and what to do where the usual advice does not help."""
    unexpected: Callable[[str, str], StardagError]
    """The error for an answer that cannot be used: of the URL and the problem."""
    answers_max_bytes: int
    """Of all the answers of one exchange together."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, read to its end."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    clock_offset: float = 0.0
    """Seconds by which this machine's clock is ahead of the server's, by the answer's date; 0 where it has none."""


class Headers(httpx.Headers):
    """What a request carries besides the usual; its `repr` shows no Authorization, unlike that of a dict."""


@runtime_checkable
class _Stream(Protocol):
    """What httpcore's `trace` extension shows of a connection that was made."""

    def get_extra_info(self, info: str) -> object: ...


def _httpx_proxy(proxy: ProxyChoice) -> httpx.Proxy:
    """The proxy as httpx takes it.

    Raises:
        UnusableProxy: it cannot be one, or is of a kind that is not supported.
    """
    try:
        found = httpx.Proxy(proxy.url)
    except (ValueError, httpx.InvalidURL):
        found = None
    if found is None:
        raise UnusableProxy(proxy, "it is no address of a proxy, such as http://proxy.example:3128")
    if found.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise UnusableProxy(proxy, "SOCKS needs one more package (pip install 'httpx[socks]')")
    return httpx.Proxy(proxy.url, ssl_context=_certificates()) if found.url.scheme == "https" else found


class _Client:
    """An httpx client together with the sockets it opened, so that another thread can end what it waits for."""

    def __init__(self, address: str) -> None:
        secure = address.startswith("https://")
        # What is meant for loopback must not leave the machine readable, by way of a proxy.
        self.proxy = proxy_for(address) if secure or is_plain_beyond_loopback(address) else None
        self.http = httpx.Client(
            headers={"User-Agent": f"stardag/{VERSION}", "Accept": "application/json", "Accept-Encoding": "identity"},
            # Without https there is nothing to verify, and reading the certificates takes 40 ms.
            verify=_certificates() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            follow_redirects=False,
            proxy=self.proxy and _httpx_proxy(self.proxy),
            # Its proxies are not the one that was chosen, and a secret in ~/.netrc is for other programs.
            trust_env=False,
            limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_SECONDS),
        )
        self.address = address
        self._sockets: tuple[socket.socket, ...] = ()

    def opened(self, connected: socket.socket) -> None:
        """Remember a socket, and forget those that were closed."""
        self._sockets = (*(known for known in self._sockets if known.fileno() != -1), connected)

    def shut_down(self) -> None:
        """Make every read and write fail at once. The sockets stay open: whoever uses them closes them, since a
        number that is free again could already be another's."""
        for connected in self._sockets:
            with suppress(OSError):
                socket.socket.shutdown(connected, socket.SHUT_RDWR)


class UnusableProxy(Exception):
    """The proxy that was chosen cannot be used."""

    def __init__(self, proxy: ProxyChoice, problem: str) -> None:
        super().__init__(problem)
        self.proxy = proxy
        self.problem = problem


class Exchange:
    """The requests of one call. Lives on the thread that performs it, save for `give_up`.

    Every request reads the whole answer, whatever its status, and raises the server's errors: `unreachable` where there
    is no answer, `unexpected` where it is too long, or compressed without having been asked to be.
    """

    def __init__(self, server: Server, open_client: Callable[[], _Client], timeout: float) -> None:
        self.stage = "before connecting"
        self.is_unanswered = False
        """Whether a request may have reached the server whose answer was not read to its end."""
        self._server = server
        self._open_client = open_client
        self._client: _Client | None = None
        self._timeout = timeout
        self._deadline = monotonic() + timeout
        self._bytes_left = server.answers_max_bytes
        self._given_up = False
        self._passage = ProxyPassage(None, "")

    def get(self, url: str, parameters: Parameters, headers: Headers) -> Answer:
        """Send one GET request."""
        return self._send(lambda http: http.build_request("GET", url, params=parameters, headers=headers))

    def send_json(self, method: Method, url: str, message: Mapping[str, Json] | None, headers: Headers) -> Answer:
        """Send one message as JSON, or none."""
        return self._send(lambda http: http.build_request(method, url, json=message, headers=headers))

    def post_form(self, url: str, fields: Mapping[str, str]) -> Answer:
        """Send one form."""
        return self._send(lambda http: http.build_request("POST", url, data=fields))

    def _send(self, build: Callable[[httpx.Client], httpx.Request]) -> Answer:
        self._client = self._open()
        failure: Exception
        try:
            request = build(self._client.http)
            remaining = max(self._deadline - monotonic(), 0.001)
            request.extensions = {"timeout": httpx.Timeout(remaining).as_dict(), "trace": self._follow}
            with closing(self._client.http.send(request, stream=True)) as response:
                _LOGGER.info("%s %s answered %s", request.method, request.url, response.status_code)
                headers = dict(response.headers)
                body = self._read(response)
                self.is_unanswered = False
                if response.status_code == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and self._client.proxy:
                    raise httpx.ProxyError(f"{response.status_code} {response.reason_phrase}")
                return Answer(response.status_code, headers, body, _clock_offset(headers))
        except _FAILURES as error:
            failure = error
        # Outside of the handler, so that the error does not keep httpx's as its context.
        raise self._unreachable(*explain(failure, self.stage, self._timeout), is_refusal=_is_refusal(failure))

    def give_up(self) -> None:
        """End what the exchange waits for; called from another thread."""
        self._given_up = True
        if self._client is not None:
            self._client.shut_down()

    @property
    def way(self) -> str:
        """The proxy that may have answered in place of the server, as a phrase to append: only where no tunnel leads
        through it."""
        client = self._client
        if client is None or client.proxy is None or not client.address.startswith("http:"):
            return ""
        return f"; asked through the proxy {client.proxy.shown}"

    def no_answer(self) -> StardagError:
        """The error for a deadline that has passed; called from another thread."""
        return self._unreachable(no_answer(self.stage, self._timeout), None)

    def close_if_given_up(self) -> None:
        """Leave no connection behind that nobody uses any more."""
        if self._given_up and self._client is not None:
            self._client.http.close()

    def _open(self) -> _Client:
        try:
            client = self._open_client()
        except UnusableProxy as error:
            problem, fix = f"the proxy {error.proxy.shown} cannot be used: {error.problem}", _proxy_fix(error.proxy)
        except OSError:  # ssl.SSLError among them
            given = [f"{name}={os.environ[name]}" for name in _CERTIFICATE_VARIABLES if os.environ.get(name)]
            problem = f"the certificates to trust cannot be read ({', '.join(given) or 'those that come with certifi'})"
            fix = f"Check the environment variables {' and '.join(_CERTIFICATE_VARIABLES)}."
        else:
            if self._client is not client:
                self._passage = ProxyPassage(client.proxy, client.address)
            return client
        raise self._server.unreachable(self._server.url, problem, fix)

    def _unreachable(self, reason: str, fix: str | None, *, is_refusal: bool = False) -> StardagError:
        """The error for no answer; it names the proxy, where there is one, as what failed or as the way."""
        proxy = self._client.proxy if self._client else None
        if proxy is None:
            return self._server.unreachable(self._server.url, reason, fix)
        if is_refusal or self._passage.is_pending:
            reason = f"the proxy {proxy.shown} {'refuses' if is_refusal else 'fails'}: {reason}"
            return self._server.unreachable(self._server.url, reason, _proxy_fix(proxy))
        return self._server.unreachable(self._server.url, f"{reason}; asked through the proxy {proxy.shown}", fix)

    def _read(self, response: httpx.Response) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            # A few compressed bytes can be gigabytes.
            raise self._server.unexpected(self._server.url, "it is compressed, which was not asked for")
        body = bytearray()
        for chunk in response.iter_raw():
            self._bytes_left -= len(chunk)
            if self._bytes_left < 0:
                raise self._server.unexpected(
                    self._server.url, f"it is longer than {self._server.answers_max_bytes} bytes"
                )
            body += chunk
        return bytes(body)

    def _follow(self, event: str, info: Mapping[str, object]) -> None:
        """Hear from httpcore how far the request is, and of each socket that it opens."""
        step = event.partition(".")[2]
        self.stage = STAGES.get(step, self.stage)
        self._passage.follow(step)
        self.is_unanswered |= step == "send_request_headers.started" and not self._passage.is_pending
        stream = info.get("return_value")
        if step in ("connect_tcp.complete", "start_tls.complete") and isinstance(stream, _Stream):
            opened = stream.get_extra_info("socket")
            if self._client is not None and isinstance(opened, socket.socket):
                self._client.opened(opened)
                if self._given_up:
                    self._client.shut_down()


class Connection:
    """The way to one origin: a client made when first needed, and the deadline of every exchange.

    For one exchange at a time: giving one up ends whatever else goes over the same client.
    """

    def __init__(self, server: Server, address: str, timeout: float) -> None:
        """`address` is any URL of the origin."""
        self._server = server
        self._address = address
        self._timeout = timeout
        self._client: _Client | None = None
        self._lock = threading.Lock()

    def exchange(self, work: Callable[[Exchange], Result]) -> Result:
        """Perform `work`, all of it within the deadline.

        Raises:
            the server's `unreachable`: the deadline passed.
            and whatever `work` raises.
        """
        exchange = Exchange(self._server, self._open_client, self._timeout)
        future: Future[Result] = Future()
        late: StardagError | None = None
        threading.Thread(target=_perform, args=(work, exchange, future), daemon=True).start()
        done = False
        try:
            done = bool(wait((future,), self._timeout).done)
        finally:  # an interrupt gives up as well
            if not done:
                late = exchange.no_answer()
                self._client = None
                exchange.give_up()
        if late is not None:  # whatever the future holds by now, it is what giving up has caused
            raise late
        return future.result()

    def _open_client(self) -> _Client:
        with self._lock:
            if self._client is None:
                self._client = _Client(self._address)
                # The end of the process closes it anyway, and a thread may still wait for an answer then.
                weakref.finalize(self, self._client.http.close).atexit = False
            return self._client


def _perform(work: Callable[[Exchange], Result], exchange: Exchange, future: "Future[Result]") -> None:
    try:
        future.set_result(work(exchange))
    except StardagError as error:
        future.set_exception(error.with_traceback(None))  # its frames hold headers
    except BaseException as error:  # noqa: BLE001  # a thread that dies silently would look like a server that hangs
        future.set_exception(error)
    finally:
        exchange.close_if_given_up()


def _clock_offset(headers: Mapping[str, str]) -> float:
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
        return time() - date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _certificates() -> ssl.SSLContext:
    """The certificates to trust: those of SSL_CERT_FILE and SSL_CERT_DIR, else the ones that come with httpx."""
    context = httpx.create_ssl_context()
    directory = os.environ.get("SSL_CERT_DIR")
    if directory and os.environ.get("SSL_CERT_FILE"):
        context.load_verify_locations(capath=directory)  # with both, httpx reads the file alone
    return context


def _is_refusal(error: Exception) -> bool:
    """Whether a proxy answered, and refused."""
    return isinstance(error, httpx.ProxyError)


def _proxy_fix(proxy: ProxyChoice) -> str:
    where = proxy.variable or "the system's settings of proxies"
    return f"Check {where}, or name the host in NO_PROXY, if it is to be reached without a proxy."

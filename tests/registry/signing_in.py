"""Somebody at a browser, and stardag as a client of the provider: they fill in the real forms of a registry over HTTP.

`sign_in(http, name, password)` does it all and gives the issuer's tokens; `Person` and `CommandLine` are its two sides.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

CLIENT_ID = "stardag-cli"
REDIRECT_URI = "http://127.0.0.1:49152/callback"
SCOPE = "openid profile email offline_access"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass
class Form:
    """A form of a page: where it goes, and what is in it already."""

    action: str
    fields: dict[str, str] = field(default_factory=dict[str, str])
    buttons: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(values["action"]))
        elif tag == "input" and values.get("type") != "checkbox":
            self.forms[-1].fields[values["name"]] = values.get("value", "")
        elif tag == "button" and "name" in values:
            self.forms[-1].buttons.append((values["name"], values["value"]))


def forms_in(page: httpx.Response) -> list[Form]:
    """The forms of a page, in order."""
    parser = _Forms()
    parser.feed(page.text)
    return parser.forms


@dataclass
class Person:
    """Somebody at a browser. `http` is used for its addresses and its transport; cookies are the person's own."""

    http: httpx.Client
    cookies: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def origin(self) -> str:
        """What the browser says that its forms come from."""
        url = self.http.base_url
        return f"{url.scheme}://{url.netloc.decode()}"

    def get(self, path: str, headers: Mapping[str, str] = {}) -> httpx.Response:
        """Open an address, following the registry's own redirects and no others."""
        return self._follow(self._send("GET", path, headers=headers))

    def submit(
        self, page: httpx.Response, filled: Mapping[str, str] = {}, form: int = 0, headers: Mapping[str, str] = {}
    ) -> httpx.Response:
        """Fill in a form of a page and send it off."""
        found = forms_in(page)[form]
        return self.post(found.action, found.fields | dict(filled), headers)

    def post(self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] = {}) -> httpx.Response:
        """Send a form, as a browser does."""
        headers = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", **headers}
        return self._follow(self._send("POST", path, data=dict(fields), headers=headers))

    def sign_in(self, name: str, password: str, path: str = "/sign-in") -> httpx.Response:
        """Open `path`, sign in at the form that comes, and look at what comes then."""
        return self.submit(self.get(path), {"name": name, "password": password})

    def _send(self, method: str, path: str, headers: Mapping[str, str], **body: Any) -> httpx.Response:
        shown = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        self.http.cookies.clear()
        answer = self.http.request(method, path, headers={**shown, **headers}, follow_redirects=False, **body)
        self.http.cookies.clear()
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if "max-age=0" in cookie.lower():
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    def _follow(self, answer: httpx.Response) -> httpx.Response:
        while answer.status_code in (302, 303) and urlsplit(answer.headers["location"]).netloc in (
            "",
            self.http.base_url.netloc.decode(),
        ):
            answer = self._send("GET", answer.headers["location"], {})
        return answer


@dataclass
class CommandLine:
    """stardag as a client: PKCE, state and nonce as it makes them. `http` needs the registry as its base URL."""

    http: httpx.Client
    redirect_uri: str = REDIRECT_URI
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    @property
    def challenge(self) -> str:
        """What PKCE makes of the verifier."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")

    def authorization(self, **changed: str | None) -> str:
        """The address to open in the browser; a parameter that is changed to None is left out."""
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            "prompt": "consent",
        }
        query = httpx.QueryParams({name: value for name, value in (parameters | changed).items() if value is not None})
        return f"/oauth/authorize?{query}"

    def token(self, **form: str) -> httpx.Response:
        """Ask the token endpoint."""
        return self.http.post("/oauth/token", data={"client_id": CLIENT_ID} | form)

    def redeem(self, code: str, /, **changed: str) -> httpx.Response:
        """Give a code for tokens."""
        return self.token(
            **{
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri,
                "code_verifier": self.verifier,
            }
            | changed
        )

    def refresh(self, refresh_token: str, **more: str) -> httpx.Response:
        """Give a refresh token for tokens."""
        return self.token(grant_type="refresh_token", refresh_token=refresh_token, **more)

    def poll(self, device_code: str) -> httpx.Response:
        """Ask whether somebody has allowed the device."""
        return self.token(grant_type=DEVICE_GRANT, device_code=device_code)

    def begin_device(self, **changed: str) -> httpx.Response:
        """Ask for codes for a device."""
        return self.http.post("/oauth/device_authorization", data={"client_id": CLIENT_ID, "scope": SCOPE} | changed)

    def revoke(self, token: str) -> httpx.Response:
        """Sign out."""
        return self.http.post("/oauth/revoke", data={"client_id": CLIENT_ID, "token": token})


def answer_in(response: httpx.Response) -> dict[str, str]:
    """What an answer of the authorization endpoint tells the client, at its redirect URI."""
    assert response.status_code == 303, response.text
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


def claims_in(token: str) -> dict[str, Any]:
    """What a JWT says, unchecked."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def sign_in(http: httpx.Client, name: str, password: str) -> dict[str, Any]:
    """The issuer's tokens for whoever has this account, by code and PKCE through the forms: `access_token`, `id_token`,
    `refresh_token`."""
    command_line, person = CommandLine(http), Person(http)
    consent = person.sign_in(name, password, command_line.authorization())
    answer = answer_in(person.submit(consent, {"decision": "allow"}))
    tokens = command_line.redeem(answer["code"])
    assert tokens.status_code == 200, tokens.text
    issued: dict[str, Any] = tokens.json()
    return issued

"""The client's side of OpenID, against an issuer that says what a test tells it to."""

import json
import threading
from collections.abc import Generator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from stardag.adapters.browser import SystemBrowser
from stardag.adapters.oauth import OAuthIdentityProvider
from stardag.adapters.oauth.in_browser import InBrowser
from stardag.adapters.oauth.loopback import listening
from stardag.app.sign_in.ports import Issuer
from stardag.domain.credentials import Secret
from stardag.domain.errors import StardagError
from stardag.domain.registry_errors import IssuerUnreachable, SignInRefused, UnexpectedIssuerAnswer

TIMEOUT = 5.0
RESOURCE = "https://registry.example"
TOKENS = {"access_token": "access", "token_type": "Bearer", "refresh_token": "next"}

Answer = tuple[int, object]


class FakeIssuer:
    """Answers each path with what stands in `answers`: several in order, the last for ever. `asked` are the forms."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.stopped = threading.Event()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                issuer.asked.append((self.path, dict(parse_qsl(body))))
                answers = issuer.answers.get(self.path)
                if answers is None:
                    issuer.stopped.wait()
                    return
                status, document = answers.pop(0) if len(answers) > 1 else answers[0]
                content = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                if status in (301, 302, 307):
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET  # noqa: N815 (the library's name)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "revocation_endpoint": f"{self.url}/revoke",
            "device_authorization_endpoint": f"{self.url}/device",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def issuer(self) -> Issuer:
        ends = (f"{self.url}/{name}" for name in ("authorize", "token", "revoke", "device"))
        authorize, token, revoke, device = ends
        return Issuer(self.url, authorize, token, revoke, device, names_itself=True)


@pytest.fixture
def fake() -> Generator[FakeIssuer]:
    fake = FakeIssuer()
    yield fake
    fake.stopped.set()
    fake.server.shutdown()
    fake.server.server_close()


def refresh(fake: FakeIssuer, timeout: float = TIMEOUT) -> Any:
    provider = OAuthIdentityProvider()
    return provider.refresh(f"{fake.url}/token", "cli", Secret("the-refresh-token"), RESOURCE, timeout)


class TestDiscovery:
    def test_it_says_where_to_go(self, fake: FakeIssuer) -> None:
        fake.answers["/.well-known/openid-configuration"] = [(200, fake.discovery)]
        assert OAuthIdentityProvider().discover(fake.url, TIMEOUT) == fake.issuer()

    @pytest.mark.parametrize(
        "changed",
        [
            {"issuer": "https://evil.example"},
            {"issuer": None},
            {"token_endpoint": "http://evil.example/token"},
            {"token_endpoint": "file:///etc/passwd"},
            {"token_endpoint": "https://user@evil.example/token"},
            {"token_endpoint": 1},
            {"authorization_endpoint": None},
            {"authorization_endpoint": "javascript:alert(1)"},
            {"revocation_endpoint": "http://evil.example/revoke"},
            {"device_authorization_endpoint": "http://evil.example/device"},
            {"code_challenge_methods_supported": ["plain"]},
            {"token_endpoint": "https://evil.example/" + "x" * 3000},
        ],
    )
    def test_nonsense_is_refused(self, fake: FakeIssuer, changed: Mapping[str, object]) -> None:
        fake.answers["/.well-known/openid-configuration"] = [(200, fake.discovery | dict(changed))]
        with pytest.raises(UnexpectedIssuerAnswer):
            OAuthIdentityProvider().discover(fake.url, TIMEOUT)

    @pytest.mark.parametrize("answer", [(200, b"<html>"), (200, []), (200, b"")])
    def test_what_is_no_json_object_is_called_that(self, fake: FakeIssuer, answer: Answer) -> None:
        fake.answers["/.well-known/openid-configuration"] = [answer]
        with pytest.raises(UnexpectedIssuerAnswer, match="it is no JSON object"):
            OAuthIdentityProvider().discover(fake.url, TIMEOUT)

    @pytest.mark.parametrize("answer", [(200, b"<html>"), (200, []), (404, {}), (302, b""), (200, b"\xff" * 100)])
    def test_what_is_no_document_is_refused(self, fake: FakeIssuer, answer: Answer) -> None:
        fake.answers["/.well-known/openid-configuration"] = [answer]
        with pytest.raises(UnexpectedIssuerAnswer):
            OAuthIdentityProvider().discover(fake.url, TIMEOUT)


WRONG: list[tuple[Answer, type[StardagError]]] = [
    ((500, {}), IssuerUnreachable),
    ((503, {}), IssuerUnreachable),
    ((429, {}), IssuerUnreachable),
    ((307, b""), UnexpectedIssuerAnswer),
    ((400, b"no"), UnexpectedIssuerAnswer),
    ((400, {"error": "the-refresh-token"}), UnexpectedIssuerAnswer),
    ((200, b"no"), UnexpectedIssuerAnswer),
    ((200, {}), UnexpectedIssuerAnswer),
    ((200, TOKENS | {"token_type": "mac"}), UnexpectedIssuerAnswer),
    ((200, TOKENS | {"access_token": "two words"}), UnexpectedIssuerAnswer),
    ((200, TOKENS | {"refresh_token": 1}), UnexpectedIssuerAnswer),
    ((200, TOKENS | {"access_token": "x" * 20000}), UnexpectedIssuerAnswer),
    ((200, b" " * 2_000_000), UnexpectedIssuerAnswer),
]


class TestRefreshing:
    def test_it_is_one_form_for_this_registry_alone(self, fake: FakeIssuer) -> None:
        fake.answers["/token"] = [(200, TOKENS)]
        issued = refresh(fake)
        assert (issued.access_token, issued.refresh_token, issued.id_token) == (Secret("access"), Secret("next"), None)
        expected = {"grant_type": "refresh_token", "client_id": "cli", "refresh_token": "the-refresh-token"}
        assert fake.asked == [("/token", expected | {"resource": RESOURCE})]

    def test_an_issuer_that_knows_no_resources_is_asked_without(self, fake: FakeIssuer) -> None:
        fake.answers["/token"] = [(400, {"error": "invalid_target"}), (200, TOKENS)]
        assert refresh(fake).access_token == Secret("access")
        assert "resource" not in fake.asked[1][1]

    @pytest.mark.parametrize("code", ["invalid_grant", "invalid_client", "unauthorized_client"])
    def test_a_refusal_is_said(self, fake: FakeIssuer, code: str) -> None:
        fake.answers["/token"] = [(400, {"error": code, "error_description": "the-refresh-token"})]
        with pytest.raises(SignInRefused) as caught:
            refresh(fake)
        assert "the-refresh-token" not in str(caught.value) + repr(caught.value)

    @pytest.mark.parametrize(
        ("answer", "error"),
        WRONG,
    )
    def test_any_other_answer_is_an_error_that_repeats_nothing(
        self, fake: FakeIssuer, answer: Answer, error: type[StardagError]
    ) -> None:
        fake.answers["/token"] = [answer]
        with pytest.raises(error) as caught:
            refresh(fake)
        assert "the-refresh-token" not in f"{caught.value} {caught.value.fix} {caught.value!r}"
        assert len(fake.asked) == 1

    def test_one_that_hangs_is_given_up_at_the_deadline(self, fake: FakeIssuer) -> None:
        with pytest.raises(IssuerUnreachable, match=r"within 0\.3 seconds"):
            refresh(fake, 0.3)


class TestDevices:
    codes: Mapping[str, object] = {
        "device_code": "device",
        "user_code": "ABCD-EFGH",
        "verification_uri": "https://issuer.example/device",
        "expires_in": 600,
        "interval": 5,
    }

    def wait(self, fake: FakeIssuer, *answers: Answer, **changed: object) -> tuple[Any, list[float]]:
        fake.answers |= {"/device": [(200, dict(self.codes) | changed)], "/token": list(answers)}
        pauses: list[float] = []
        with OAuthIdentityProvider(pauses.append).begin_on_device(fake.issuer(), "cli", RESOURCE, 0.5) as pending:
            assert (pending.url, pending.user_code) == ("https://issuer.example/device", "ABCD-EFGH")
            return pending.wait(), pauses

    def test_it_is_asked_as_often_as_the_issuer_likes(self, fake: FakeIssuer) -> None:
        pending: Answer = (400, {"error": "authorization_pending"})
        issued, pauses = self.wait(fake, pending, (400, {"error": "slow_down"}), (503, {}), (200, TOKENS))
        assert issued.refresh_token == Secret("next")
        assert pauses == [5.0, 5.0, 10.0, 15.0]

    @pytest.mark.parametrize("code", ["access_denied", "expired_token", "invalid_grant"])
    def test_a_refusal_ends_it(self, fake: FakeIssuer, code: str) -> None:
        with pytest.raises(SignInRefused):
            self.wait(fake, (400, {"error": code}))

    def test_a_code_that_has_expired_is_not_asked_for(self, fake: FakeIssuer) -> None:
        with pytest.raises(SignInRefused, match="expired"):
            self.wait(fake, (400, {"error": "authorization_pending"}), expires_in=0.05)

    @pytest.mark.parametrize(
        "changed",
        [
            {"verification_uri": "http://evil.example"},
            {"verification_uri_complete": "javascript:x"},
            {"user_code": "\x1b[31m"},
            {"user_code": ""},
            {"expires_in": -1},
            {"interval": "soon"},
            {"device_code": None},
        ],
    )
    def test_nonsense_is_refused(self, fake: FakeIssuer, changed: Mapping[str, object]) -> None:
        with pytest.raises(UnexpectedIssuerAnswer):
            self.wait(fake, (200, TOKENS), **changed)

    def test_an_issuer_without_the_flow_is_named(self, fake: FakeIssuer) -> None:
        without = fake.issuer()._replace(device_authorization_endpoint=None)
        with (
            pytest.raises(SignInRefused, match="no device flow"),
            OAuthIdentityProvider().begin_on_device(without, "cli", RESOURCE, TIMEOUT),
        ):
            raise AssertionError


class TestInABrowser:
    def test_the_page_asks_for_what_is_needed_and_no_more(self, fake: FakeIssuer) -> None:
        with OAuthIdentityProvider().begin_in_browser(fake.issuer(), "cli", RESOURCE, TIMEOUT) as pending:
            asked = dict(parse_qsl(urlsplit(pending.url).query))
        assert asked.pop("redirect_uri").startswith("http://127.0.0.1:")
        lengths = {name: len(asked.pop(name)) for name in ("state", "nonce", "code_challenge")}
        assert min(lengths.values()) >= 43
        assert asked == {
            "response_type": "code",
            "client_id": "cli",
            "scope": "openid profile email offline_access",
            "code_challenge_method": "S256",
            "prompt": "consent",
            "resource": RESOURCE,
        }

    def test_a_person_who_never_comes_back_is_waited_for_only_so_long(self, fake: FakeIssuer) -> None:
        with listening() as listener, pytest.raises(SignInRefused, match="nobody signed in"):
            InBrowser(fake.issuer(), "cli", RESOURCE, TIMEOUT, listener, patience=0.05).wait()

    def test_the_id_token_has_to_be_for_this_sign_in(self, fake: FakeIssuer) -> None:
        fake.answers["/token"] = [(200, TOKENS | {"id_token": "e30.eyJub25jZSI6Im90aGVyIn0.x"})]
        with listening() as listener:
            pending = InBrowser(fake.issuer(), "cli", RESOURCE, TIMEOUT, listener)
            back = {"state": pending.state, "iss": fake.url, "code": "code"}
            assert httpx.get(listener.redirect_uri, params=back, trust_env=False).status_code == 200
            with pytest.raises(UnexpectedIssuerAnswer, match="not for this sign-in"):
                pending.wait()
            assert fake.asked[0][1]["code_verifier"] == pending.verifier

    def test_values_that_come_twice_are_refused(self, fake: FakeIssuer) -> None:
        with listening() as listener:
            pending = InBrowser(fake.issuer(), "cli", RESOURCE, TIMEOUT, listener)
            query = f"state={pending.state}&iss={fake.url}&code=a&code=b"
            httpx.get(f"{listener.redirect_uri}?{query}", trust_env=False)
            with pytest.raises(SignInRefused):
                pending.wait()
        assert fake.asked == []

    def test_the_first_answer_is_the_only_one(self) -> None:
        with listening() as listener:
            listener.expect("the-state")
            statuses = [
                httpx.get(f"{listener.redirect_uri}?state=the-state&code={code}", trust_env=False).status_code
                for code in ("first", "second")
            ]
            assert statuses == [200, 404]
            assert listener.wait(60) == {"state": "the-state", "code": "first"}

    def test_nothing_listens_afterwards(self, fake: FakeIssuer) -> None:
        with listening() as listener:
            address = listener.redirect_uri
        with pytest.raises(httpx.ConnectError):
            httpx.get(address, trust_env=False)


class TestTheBrowserOfThisMachine:
    @pytest.mark.parametrize(
        ("variables", "here"),
        [
            ({}, False),
            ({"DISPLAY": ":0"}, True),
            ({"WAYLAND_DISPLAY": "wayland-0"}, True),
            ({"BROWSER": "firefox"}, True),
            ({"DISPLAY": ":0", "SSH_CONNECTION": "1 2 3 4"}, False),
            ({"DISPLAY": ":0", "SSH_TTY": "/dev/pts/1"}, False),
        ],
    )
    def test_it_is_here_where_a_person_would_see_it(self, variables: Mapping[str, str], here: bool) -> None:
        assert SystemBrowser(variables).is_here() is here

    @pytest.mark.parametrize(("program", "opened"), [("true", True), ("false", False), ("/no/such/browser", False)])
    def test_it_says_whether_it_was_opened(self, program: str, opened: bool, capfd: pytest.CaptureFixture[str]) -> None:
        browser = SystemBrowser({"BROWSER": f"{program} %s", "PATH": "/usr/bin:/bin"})
        assert browser.open("http://127.0.0.1:9/") is opened
        assert capfd.readouterr() == ("", "")


def test_secrets_are_in_no_repr(fake: FakeIssuer) -> None:
    fake.answers["/token"] = [(200, TOKENS)]
    assert "access" not in repr(refresh(fake).access_token)
    with listening() as listener:
        pending = InBrowser(fake.issuer(), "cli", RESOURCE, TIMEOUT, listener)
        assert pending.verifier not in repr(pending)

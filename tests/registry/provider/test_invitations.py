"""The page that an invitation's link leads to: who becomes a member there, who does not, and what nobody learns."""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from dependency_injector import providers

from stardag_registry.app.identity_provider import ExistingIdentityProvider
from stardag_registry.container import Container, Settings
from stardag_registry.domain.users import INVITATION_LIFETIME
from tests.registry.in_process import SettableClock, client_of
from tests.registry.provider.scene import ADDRESS, OWNER, Scene
from tests.registry.provider.test_browser import CHROMIUM
from tests.registry.running import running_registry
from tests.registry.signing_in import Person, forms_in, sign_in

PASSWORD = "correct horse battery staple"
EVIL = "x\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}&amp;"
NEW = "new@acme.example"


@dataclass(frozen=True)
class Team:
    """An organization of the owner's at a registry."""

    http: httpx.Client
    token: str
    id: str

    @classmethod
    def made_at(cls, http: httpx.Client, password: str, name: str = "Acme Inc.") -> "Team":
        tokens = sign_in(http, OWNER, password)
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        introduced = http.put("/api/v1/me", json={"id_token": tokens["id_token"]}, headers=headers)
        assert introduced.status_code == 200, introduced.text
        made = http.post("/api/v1/organizations", json={"slug": "acme", "name": name}, headers=headers)
        assert made.status_code == 201, made.text
        exchanged = http.post("/api/v1/auth/exchange", json={"organization": "acme"}, headers=headers)
        return cls(http, exchanged.json()["access_token"], made.json()["id"])

    def ask(self, method: str, path: str, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.http.request(method, f"/api/v1/organizations/{self.id}{path}", headers=headers, **body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def invite(self, email: str = NEW, role: str = "member") -> str:
        """The link, as a path."""
        made: dict[str, str] = self.ask("POST", "/invitations", json={"email": email, "role": role})
        parts = urlsplit(made["link"])
        assert f"{parts.scheme}://{parts.netloc}" == str(self.http.base_url).rstrip("/")
        return f"{parts.path}?{parts.query}"

    def roles(self) -> Mapping[str, str]:
        """What everybody is, by address."""
        return {member["email"]: member["role"] for member in self.ask("GET", "/members")["items"]}

    def workspaces(self) -> set[str]:
        return {workspace["slug"] for workspace in self.ask("GET", "/workspaces")["items"]}


@pytest.fixture
def team(scene: Scene) -> Team:
    return Team.made_at(scene.http, scene.password)


def secret_in(link: str) -> str:
    return parse_qs(urlsplit(link).query)["token"][0]


def joined(scene: Scene, team: Team, email: str = NEW, role: str = "member") -> Person:
    """Somebody who was invited and has made an account."""
    person, link = scene.person(), team.invite(email, role)
    assert person.submit(person.get(link), {"password": PASSWORD}).status_code == 200
    return person


class TestWithoutAnAccount:
    @pytest.mark.parametrize("role", ["member", "admin", "owner"])
    def test_whoever_chooses_a_password_is_a_member_with_that_role(self, scene: Scene, team: Team, role: str) -> None:
        person, link = scene.person(), team.invite(NEW, role)
        page = person.get(link)
        assert page.status_code == 200
        for word in ("owner", "Acme Inc.", "(acme)", NEW, f"as {role}", "7 December 2026"):
            assert word in page.text
        assert NEW not in team.roles()  # looking is not joining: others look at links, too
        answer = person.submit(page, {"password": PASSWORD})
        assert answer.status_code == 200
        assert f"You are signed in as new ({NEW})." in answer.text
        assert "stardag profile add team --registry team --organization acme" in answer.text
        assert team.roles()[NEW] == role
        assert "You are signed in as new" in person.get("/account").text

    def test_they_sign_in_on_their_command_line_and_get_their_workspace(self, scene: Scene, team: Team) -> None:
        joined(scene, team)
        assert "personal-new" not in team.workspaces()
        tokens = sign_in(scene.http, NEW, PASSWORD)
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        body = {"organization": "acme", "id_token": tokens["id_token"]}
        assert scene.http.post("/auth/exchange", json=body, headers=headers).status_code == 200
        assert "personal-new" in team.workspaces()

    def test_a_link_proves_no_address(self, scene: Scene, team: Team) -> None:
        joined(scene, team, "boss@acme.example")
        tokens = sign_in(scene.http, "boss@acme.example", PASSWORD)
        told = scene.http.get("/oauth/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}).json()
        assert (told["email"], told["email_verified"]) == ("boss@acme.example", False)

    @pytest.mark.parametrize(
        ("password", "notice"),
        [
            ("", "at least 12"),
            ("short", "at least 12"),
            ("x" * 1001, "at most 1000"),
            (NEW, "your own name|Your own name"),
            ("x" * 12, "same character"),
        ],
    )
    def test_a_password_that_others_try_first_makes_no_account(
        self, scene: Scene, team: Team, password: str, notice: str
    ) -> None:
        person, link = scene.person(), team.invite()
        answer = person.submit(person.get(link), {"password": password})
        assert answer.status_code == 422
        assert any(one in answer.text for one in notice.split("|"))
        assert NEW not in team.roles()
        assert person.submit(answer, {"password": PASSWORD}).status_code == 200
        assert NEW in team.roles()

    def test_a_form_that_is_sent_twice_makes_one_account(self, scene: Scene, team: Team) -> None:
        person, link = scene.person(), team.invite()
        page = person.get(link)

        def send(cookies: dict[str, str]) -> int:
            return Person(scene.http, cookies).submit(page, {"password": PASSWORD}).status_code

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(send, [dict(person.cookies) for _ in range(4)]))
        assert 200 in answers
        assert set(answers) <= {200, 404, 409}
        assert list(team.roles()) == [NEW, OWNER]


class TestWithAnAccount:
    def test_they_sign_in_and_come_back_to_the_link(self, scene: Scene, team: Team) -> None:
        joined(scene, team)
        other = Team(scene.http, team.token, team.id)
        team.ask("DELETE", f"/members/{self.id_of(other, NEW)}")
        link, person = team.invite(NEW, "admin"), scene.person()
        form = person.get(link)
        assert forms_in(form)[0].fields["name"] == NEW
        page = person.submit(form, {"password": PASSWORD})
        assert "You are signed in as new" in page.text
        assert NEW not in team.roles()
        assert person.submit(page).status_code == 200
        assert team.roles()[NEW] == "admin"

    def test_a_wrong_password_keeps_the_way_back(self, scene: Scene, team: Team) -> None:
        person = joined(scene, team)
        team.ask("DELETE", f"/members/{self.id_of(team, NEW)}")
        link, person = team.invite(), scene.person()
        again = person.submit(person.get(link), {"password": "wrong"})
        assert again.status_code == 403
        page = person.submit(again, {"password": PASSWORD})
        assert person.submit(page).status_code == 200
        assert NEW in team.roles()

    def id_of(self, team: Team, email: str) -> str:
        ids: dict[str, str] = {member["email"]: member["id"] for member in team.ask("GET", "/members")["items"]}
        return ids[email]


class TestSignedInAsSomebodyElse:
    def test_they_are_told_and_nothing_is_joined(self, scene: Scene, team: Team) -> None:
        owner, link = scene.owner(), team.invite()
        page = owner.get(link)
        assert f"You are signed in as owner ({OWNER})" in page.text
        assert forms_in(page)[0].action == "/sign-out"
        assert NEW not in team.roles()

    def test_a_form_from_before_does_nothing_either(self, scene: Scene, team: Team) -> None:
        link, person = team.invite("one@acme.example"), joined(scene, team, "two@acme.example")
        theirs = scene.person()
        own = theirs.submit(theirs.get(team.invite("one@acme.example")), {"password": PASSWORD})
        assert own.status_code == 200
        link = team.invite("three@acme.example")
        fields = {"form_token": forms_in(person.get(link))[0].fields["form_token"]}
        assert person.post(link, fields).status_code == 403
        assert "three@acme.example" not in team.roles()

    @pytest.mark.parametrize("has_account", [False, True])
    def test_they_sign_out_and_come_back_to_the_link(self, scene: Scene, team: Team, has_account: bool) -> None:
        if has_account:
            joined(scene, team)
            (new,) = [each["id"] for each in team.ask("GET", "/members")["items"] if each["email"] == NEW]
            team.ask("DELETE", f"/members/{new}")
        link, person = team.invite(), scene.owner()
        page = person.submit(person.get(link))
        assert ("Sign in" in page.text) == has_account
        page = person.submit(page, {"password": PASSWORD})
        if has_account:
            page = person.submit(page)
        assert f"You are signed in as new ({NEW})." in page.text
        assert NEW in team.roles()

    @pytest.mark.parametrize("onward", ["https://evil.example/", "//evil.example", "/api/v1/me", "/invitation\\x"])
    def test_signing_out_leads_nowhere_else(self, scene: Scene, team: Team, onward: str) -> None:
        owner = scene.owner()
        form = forms_in(owner.get(team.invite()))[0]
        answer = owner.post(form.action, form.fields | {"next": onward})
        assert answer.url.path == "/sign-in"


class TestLinksThatOpenNothing:
    def used(self, scene: Scene, team: Team) -> str:
        link, person = team.invite(), scene.person()
        person.submit(person.get(link), {"password": PASSWORD})
        return link

    def withdrawn(self, _scene: Scene, team: Team) -> str:
        link = team.invite()
        (invitation,) = team.ask("GET", "/invitations")["items"]
        team.ask("DELETE", f"/invitations/{invitation['id']}")
        return link

    def replaced(self, _scene: Scene, team: Team) -> str:
        link = team.invite()
        team.invite()
        return link

    def expired(self, scene: Scene, team: Team) -> str:
        link = team.invite()
        scene.clock.move(INVITATION_LIFETIME)
        return link

    def tampered(self, _scene: Scene, team: Team) -> str:
        link = team.invite()
        return link[:-1] + ("A" if link[-1] != "A" else "B")

    def cut(self, _scene: Scene, team: Team) -> str:
        return team.invite()[:-3]

    def given_twice(self, _scene: Scene, team: Team) -> str:
        link = team.invite()
        return f"{link}&token={secret_in(link)}"

    def of_a_deleted_organization(self, _scene: Scene, team: Team) -> str:
        link = team.invite()
        team.ask("DELETE", "")
        return link

    KINDS = (used, withdrawn, replaced, expired, tampered, cut, given_twice, of_a_deleted_organization)

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
    def test_they_all_say_the_same(self, scene: Scene, team: Team, kind: Any) -> None:
        link = kind(self, scene, team)
        answer = scene.person().get(link)
        nothing = scene.person().get("/invitation")
        assert (answer.status_code, nothing.status_code) == (404, 404)
        assert answer.text == nothing.text
        assert "Ask whoever invited you for another" in answer.text

    @pytest.mark.parametrize("token", ["%00", "%ED%A0%80", "%FF", "é", "a" * 5000, "../../x", "'%20OR%201=1--"])
    def test_what_is_no_secret_at_all_is_no_mistake_of_ours(self, scene: Scene, token: str) -> None:
        assert scene.person().get(f"/invitation?token={token}").status_code == 404

    @pytest.mark.parametrize("when", ["withdrawn", "expired"])
    def test_a_page_that_was_opened_in_time_and_sent_too_late_makes_nothing(
        self, scene: Scene, team: Team, when: str
    ) -> None:
        person, link = scene.person(), team.invite()
        page = person.get(link)
        if when == "withdrawn":
            (invitation,) = team.ask("GET", "/invitations")["items"]
            team.ask("DELETE", f"/invitations/{invitation['id']}")
        else:
            scene.clock.move(INVITATION_LIFETIME)
        assert person.submit(page, {"password": PASSWORD}).status_code == 404
        with scene.database.reading() as reading:
            assert reading.account_by_name(NEW) is None


class TestForms:
    @pytest.mark.parametrize("token", ["", "A" * 43, "of another page", "of another invitation", "of another browser"])
    def test_one_without_its_token_makes_nothing(self, scene: Scene, team: Team, token: str) -> None:
        person, other = scene.person(), team.invite("other@acme.example")
        link = team.invite()
        page = person.get(link)
        given = {
            "of another page": lambda: forms_in(person.get("/sign-in"))[0].fields["form_token"],
            "of another invitation": lambda: forms_in(person.get(other))[0].fields["form_token"],
            "of another browser": lambda: forms_in(scene.person().get(link))[0].fields["form_token"],
        }.get(token, lambda: token)()
        answer = person.submit(page, {"password": PASSWORD, "form_token": given})
        assert answer.status_code == 403
        assert NEW not in team.roles()
        assert person.submit(answer, {"password": PASSWORD}).status_code == 200

    @pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
    def test_one_from_elsewhere_makes_nothing(self, scene: Scene, team: Team, headers: dict[str, str]) -> None:
        person, link = scene.person(), team.invite()
        answer = person.submit(person.get(link), {"password": PASSWORD}, headers=headers)
        assert answer.status_code == 403
        assert NEW not in team.roles()

    def test_what_is_no_form_makes_nothing(self, scene: Scene, team: Team) -> None:
        link = team.invite()
        bodies: list[dict[str, Any]] = [{"json": {"password": PASSWORD}}, {"content": b"\xff"}, {"content": b""}]
        for body in bodies:
            assert scene.http.post(link, **body).status_code in {403, 404}
        assert NEW not in team.roles()


class TestWhatNobodyLearns:
    def test_no_name_is_taken_for_markup(self, scene: Scene) -> None:
        team = Team.made_at(scene.http, scene.password, EVIL)
        person, link = scene.person(), team.invite()
        pages = [scene.owner().get(link), person.get(link)]
        pages.append(person.submit(pages[1], {"password": PASSWORD}))
        for page in pages:
            assert "<script" not in page.text
            assert "<img" not in page.text
            assert "{{7*7}}&amp;amp;" in page.text

    def test_no_secret_is_logged_or_kept(self, scene: Scene, team: Team, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            person, link = scene.person(), team.invite()
            answer = person.submit(person.get(link), {"password": PASSWORD})
            assert answer.status_code == 200
            assert scene.person().get(link).status_code == 404
        said = caplog.text + "".join(str(record.__dict__) for record in caplog.records if record.name != "httpx")
        ours = "\n".join(line for line in said.splitlines() if "HTTP Request:" not in line)  # the test's own client's
        for secret in (secret_in(link), PASSWORD):
            assert secret not in ours
            assert secret.encode() not in scene.at_rest()

    def test_no_other_site_is_told_of_the_link(self, scene: Scene, team: Team) -> None:
        person, link = scene.person(), team.invite()
        page = person.get(link)
        assert page.headers["referrer-policy"] == "same-origin"  # a form of ours could not be told from others' else
        answer = person.submit(page, {"password": PASSWORD})
        gone = scene.person().get(link)
        assert answer.headers["referrer-policy"] == gone.headers["referrer-policy"] == "no-referrer"
        for each in (page, answer, gone):
            assert "default-src 'none'" in each.headers["content-security-policy"]
            assert each.headers["cache-control"] == "no-store"
            assert "http://" not in each.text.replace(ADDRESS, "")
            assert "https://" not in each.text


class TestWithAnExistingProvider:
    def test_the_page_says_what_to_type(self, tmp_path: Path) -> None:
        provider = ExistingIdentityProvider("http://127.0.0.1:9", "stardag")
        settings = Settings("localhost", 8000, tmp_path, ADDRESS, identity_provider=provider)
        clock = SettableClock()
        container = Container(settings=settings, clock=providers.Object(clock))
        try:
            with client_of(container.application(), ADDRESS) as http:
                link = self.invite(container, clock)
                page = Person(http).get(link)
                assert page.status_code == 200
                for words in (
                    f"stardag registry add team --url {ADDRESS}",
                    "stardag auth login --registry team",
                    f"stardag organizations join --registry team '{ADDRESS}{link}'",
                ):
                    assert words in page.text
                assert not forms_in(page)
                assert page.headers["referrer-policy"] == "no-referrer"
                clock.move(INVITATION_LIFETIME - timedelta(seconds=1))
                assert Person(http).get(link).status_code == 200
                clock.move(timedelta(seconds=1))
                assert Person(http).get(link).status_code == 404
                assert http.post(link).status_code == 405
        finally:
            container.shutdown_resources()

    def invite(self, container: Container, clock: SettableClock) -> str:
        from stardag_registry.domain.permissions import MemberCaller
        from stardag_registry.domain.users import Membership, User

        user = User("6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11", "http://127.0.0.1:9", "alice", "alice", None, False)
        with container.database().transaction() as transaction:
            organization = container.create().organization(transaction, "acme", "Acme")
            transaction.add_user(user, clock())
            transaction.add_member(organization.id, user.id, "owner", clock())
        caller = MemberCaller(user, Membership(organization, "owner"))
        token = container.use_cases().invite(caller, "acme", NEW, "member").token
        return f"/invitation?token={token}"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="THE PAGES ARE NOT TESTED IN A BROWSER: there is no chromium")
def test_somebody_joins_in_a_real_browser(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    with (
        running_registry(tmp_path / "data") as registry,
        httpx.Client(base_url=registry.url) as http,
        sync_playwright() as playwright,
    ):
        team = Team.made_at(http, registry.owner_password)
        link, second = team.invite(), team.invite("other@acme.example", "admin")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(java_script_enabled=False).new_page()
        complaints, asked = list[str](), list[str]()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: asked.append(request.url))

        page.goto(registry.url + link)
        page.get_by_role("heading", name="Join Acme Inc.").wait_for()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Make an account and join").click()
        page.get_by_role("heading", name="You have joined Acme Inc.").wait_for()

        page.goto(registry.url + second)
        page.get_by_role("button", name="Sign out and go on as other@acme.example").click()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Make an account and join").click()
        page.get_by_role("heading", name="You have joined Acme Inc.").wait_for()
        browser.close()
        assert team.roles() == {OWNER: "owner", NEW: "member", "other@acme.example": "admin"}
        assert {urlsplit(url).netloc for url in asked} == {urlsplit(registry.url).netloc}
        said = registry.said()
    assert not complaints
    for invited in (link, second):
        assert secret_in(invited) not in said

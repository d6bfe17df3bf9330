"""The pages: who gets past the forms, what a browser keeps, and what strangers' pages and parameters can do."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from stardag_registry.app.provider.accounts import ATTEMPTS_AT_A_NAME, ATTEMPTS_FROM_AN_ADDRESS
from stardag_registry.domain.accounts import SESSION_LIFETIME
from tests.registry.provider.scene import OWNER, FirstStart, Scene
from tests.registry.signing_in import Person, claims_in, forms_in

NEW_PASSWORD = "correct horse battery staple"
EVIL = "x\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"


def pages_of(scene: Scene) -> Iterator[tuple[str, httpx.Response]]:
    """Every page with a form, as the owner sees it, and how to get there."""
    yield "/sign-in", scene.person().get("/sign-in")
    owner = scene.owner()
    authorization = scene.command_line().authorization()
    yield authorization, owner.get(authorization)
    yield "/oauth/device", owner.get("/oauth/device")
    device = scene.command_line().begin_device().json()
    yield "/oauth/device (consent)", owner.submit(owner.get("/oauth/device"), {"user_code": device["user_code"]})
    yield "/account", owner.get("/account")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))


def tags_in(page: httpx.Response) -> list[tuple[str, dict[str, str]]]:
    reader = _Reader()
    reader.feed(page.text)
    return reader.tags


class TestEveryPage:
    def test_it_loads_nothing_and_sends_forms_nowhere_else(self, scene: Scene) -> None:
        for path, page in pages_of(scene):
            assert page.status_code == 200, path
            policy = page.headers["content-security-policy"]
            assert re.fullmatch(
                r"default-src 'none'; style-src 'sha256-\S+'; base-uri 'none'; frame-ancestors 'none'; "
                r"form-action 'self' http://127\.0\.0\.1:\*",
                policy,
            )
            assert page.headers["referrer-policy"] == "same-origin"
            assert page.headers["x-frame-options"] == "DENY"
            assert "no-store" in page.headers["cache-control"]
            for tag, attributes in tags_in(page):
                assert tag not in {"script", "link", "img", "iframe"}
                assert not any(name.startswith("on") or name in {"src", "style"} for name in attributes)

    def test_it_can_be_used_with_eyes_ears_and_a_password_manager(self, scene: Scene) -> None:
        for path, page in pages_of(scene):
            tags = tags_in(page)
            assert ("html", {"lang": "en"}) in tags
            labelled = {attributes.get("for") for tag, attributes in tags if tag == "label"}
            for tag, attributes in tags:
                if (
                    tag == "input"
                    and attributes.get("type") not in {"hidden", "checkbox"}
                    and "hidden" not in attributes
                ):
                    assert attributes["id"] in labelled, path
                    assert attributes["autocomplete"] in {"username", "current-password", "new-password", "off"}
            in_focus = sum("autofocus" in attributes for _, attributes in tags)
            assert in_focus == (path in {"/sign-in", "/oauth/device"}), path  # never a button that allows something
            assert "prefers-color-scheme: dark" in page.text

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://localhost:8001"},
            {"Origin": "https://localhost:8000"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ],
    )
    def test_a_form_from_elsewhere_does_nothing(self, scene: Scene, headers: dict[str, str]) -> None:
        owner = scene.owner()
        for path, page in pages_of(scene):
            person = owner if path != "/sign-in" else scene.person()
            fresh = person.get(path.partition(" ")[0])
            filled = {"name": OWNER, "password": scene.password, "decision": "allow", "user_code": "BCDF-BCDF"}
            answer = person.submit(fresh, filled, headers=headers)
            assert answer.status_code == 403, path
            assert "location" not in answer.headers
            assert len(person.cookies) == 1, page
        assert owner.submit(owner.get("/account"), form=1, headers=headers).status_code == 403
        assert "You are signed in" in owner.get("/account").text

    @pytest.mark.parametrize("token", ["", "A" * 43, "anothers", None])
    def test_a_form_without_its_token_does_nothing(self, scene: Scene, token: str | None) -> None:
        for path, _ in pages_of(scene):
            person = scene.owner() if path != "/sign-in" else scene.person()
            form = forms_in(person.get(path.partition(" ")[0]))[0]
            fields = dict(form.fields)
            if token == "anothers":
                another = scene.owner() if path != "/sign-in" else scene.person()
                fields["form_token"] = forms_in(another.get(path.partition(" ")[0]))[0].fields["form_token"]
            elif token is None:
                del fields["form_token"]
            else:
                fields["form_token"] = token
            fields |= {"name": OWNER, "password": scene.password, "decision": "allow", "user_code": "BCDF-BCDF"}
            answer = person.post(form.action, fields)
            assert answer.status_code == 403, path
            assert "location" not in answer.headers

    def test_the_token_of_one_form_is_not_that_of_another(self, scene: Scene) -> None:
        owner = scene.owner()
        account, device = owner.get("/account"), owner.get("/oauth/device")
        tokens = [form.fields["form_token"] for page in (account, device) for form in forms_in(page)]
        assert len(set(tokens)) == len(tokens)

    def test_browsers_that_say_nothing_of_origins_are_served(self, scene: Scene) -> None:
        person = scene.person()
        page = person.get("/sign-in")
        form = forms_in(page)[0]
        cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
        fields = form.fields | {"name": OWNER, "password": scene.password}
        answer = scene.http.post("/sign-in", data=fields, headers={"Cookie": cookie})
        assert answer.status_code == 303

    def test_nothing_is_echoed_unescaped(self, scene: Scene) -> None:
        person, owner = scene.person(), scene.owner()
        query = httpx.QueryParams({"next": f"/account?{EVIL}", "name": EVIL, "done": EVIL, "user_code": EVIL})
        evil = {"name": EVIL, "password": EVIL, "user_code": EVIL, "next": EVIL, "current": EVIL, "decision": EVIL}
        command_line = scene.command_line()
        answers = [
            person.get(f"/sign-in?{query}"),
            person.submit(person.get("/sign-in"), evil),
            owner.get(f"/account?{query}"),
            owner.submit(owner.get("/account"), evil),
            owner.get(f"/oauth/device?{query}"),
            owner.submit(owner.get("/oauth/device"), evil),
            owner.get(command_line.authorization(state=EVIL, nonce=EVIL, login_hint=EVIL)),
            owner.get(command_line.authorization(redirect_uri=EVIL)),
            owner.get(command_line.authorization(client_id=EVIL)),
            person.get(command_line.authorization(login_hint=EVIL)),
            person.get(f"/{EVIL}"),
        ]
        for answer in answers:
            assert "<script" not in answer.text
            assert "<img" not in answer.text
            assert ">49<" not in answer.text


class TestSigningIn:
    @pytest.mark.parametrize("name", ["owner", "OWNER", OWNER, "  Owner@LocalHost "])
    def test_by_address_or_username_however_written(self, scene: Scene, name: str) -> None:
        person = scene.person()
        page = person.sign_in(name, scene.password)
        assert page.status_code == 200
        assert f"You are signed in as owner ({OWNER})" in page.text

    @pytest.mark.parametrize("password", ["", "wrong", "x" * 2000, "\u0000", "{password} ", "{password}x"])
    def test_not_with_another_password(self, scene: Scene, password: str) -> None:
        person = scene.person()
        page = person.sign_in(OWNER, password.format(password=scene.password))
        assert page.status_code == 403
        assert forms_in(page)[0].fields["name"] == OWNER
        assert "session" not in "".join(person.cookies)

    def test_an_account_that_is_not_there_answers_alike(self, scene: Scene) -> None:
        def refusal(name: str) -> str:
            page = scene.person().sign_in(name, "a wrong password")
            assert page.status_code == 403
            return re.sub(r'value="[^"]*"', "", page.text)

        assert refusal(OWNER) == refusal("nobody@localhost") == refusal("nobody")

    @pytest.mark.parametrize("name", [OWNER, "nobody@localhost"])
    def test_passwords_cannot_be_guessed_at_leisure(self, scene: Scene, name: str) -> None:
        person = scene.person()
        answers = [person.sign_in(name, "a wrong password") for _ in range(ATTEMPTS_AT_A_NAME + 2)]
        assert [answer.status_code for answer in answers] == [403] * ATTEMPTS_AT_A_NAME + [429] * 2
        assert answers[-1].headers["retry-after"] == "900"
        assert "Try again in 15 minutes" in answers[-1].text
        assert person.sign_in(name, scene.password).status_code == 429
        scene.clock.move(timedelta(minutes=15))
        assert person.sign_in(OWNER, scene.password).status_code == 200

    def test_a_right_one_starts_the_count_again(self, scene: Scene) -> None:
        for _ in range(2):
            for _ in range(ATTEMPTS_AT_A_NAME - 1):
                assert scene.person().sign_in(OWNER, "wrong").status_code == 403
            assert scene.person().sign_in(OWNER, scene.password).status_code == 200

    def test_many_who_guess_at_once_are_all_counted(self, scene: Scene) -> None:
        person = scene.person()
        form = forms_in(person.get("/sign-in"))[0]
        cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
        fields = form.fields | {"name": OWNER, "password": "wrong"}

        def guess(_: int) -> int:
            return scene.http.post("/sign-in", data=fields, headers={"Cookie": cookie}).status_code

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(guess, range(40)))
        assert (answers.count(403), answers.count(429)) == (ATTEMPTS_AT_A_NAME, 40 - ATTEMPTS_AT_A_NAME)

    def test_one_address_cannot_try_every_name(self, scene: Scene) -> None:
        answers = [
            scene.person().sign_in(f"name-{number}", "").status_code for number in range(ATTEMPTS_FROM_AN_ADDRESS + 1)
        ]
        assert answers == [403] * ATTEMPTS_FROM_AN_ADDRESS + [429]

    def test_many_may_sign_in_behind_one_address(self, scene: Scene) -> None:
        answers = [scene.person().sign_in(OWNER, scene.password) for _ in range(ATTEMPTS_FROM_AN_ADDRESS + 1)]
        assert {answer.status_code for answer in answers} == {200}


def test_passwords_do_not_hold_up_the_api(first_start: FirstStart, tmp_path: Path) -> None:
    """Hashing has threads of its own, so that a flood of sign-ins leaves the others to everybody else."""
    with first_start.scene(tmp_path / "data", hasher=PasswordHasher()) as scene, ThreadPoolExecutor(16) as pool:
        person = scene.person()
        form = forms_in(person.get("/sign-in"))[0]
        cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items())

        def flood(number: int) -> int:
            fields = form.fields | {"name": f"name-{number}", "password": "wrong"}
            return scene.http.post("/sign-in", data=fields, headers={"Cookie": cookie}).status_code

        guesses = [pool.submit(flood, number) for number in range(20)]
        answered = 0
        while not all(guess.done() for guess in guesses):
            assert scene.http.get("/oauth/jwks").status_code == 200
            answered += 1
        assert {guess.result() for guess in guesses} == {403}
    assert answered > len(guesses)


class TestWhereToGoNext:
    @pytest.mark.parametrize(
        "next_page",
        [
            "https://evil.example/",
            "//evil.example/",
            "/\\evil.example/",
            "/account\\@evil.example",
            "\\\\evil.example",
            "///evil.example",
            "/account/../../evil",
            "/accountevil",
            "/account@evil.example",
            "/account#//evil.example",
            "/account?\nLocation: https://evil.example",
            "/account?\r\nSet-Cookie: a=b",
            " /account",
            "/oauth/authorize/../evil",
            "/sign-out",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://localhost:8000/account",
            "/account?\u2028",
            "",
        ],
    )
    def test_only_to_the_providers_own_pages(self, scene: Scene, next_page: str) -> None:
        person = scene.person()
        page = person.get(f"/sign-in?{httpx.QueryParams({'next': next_page})}")
        form = forms_in(page)[0]
        cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
        fields = form.fields | {"next": next_page, "name": OWNER, "password": scene.password}
        answer = scene.http.post("/sign-in", data=fields, headers={"Cookie": cookie})
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")

    def test_back_to_where_one_came_from(self, scene: Scene) -> None:
        page = scene.person().sign_in(OWNER, scene.password, "/oauth/device?user_code=BCDF-GHJK")
        assert forms_in(page)[0].fields["user_code"] == "BCDF-GHJK"


class TestSessions:
    def test_the_cookie_is_for_this_server_alone(self, scene: Scene) -> None:
        person = scene.person()
        visit = scene.http.get("/sign-in").headers["set-cookie"]
        assert re.fullmatch(r"stardag-visit-8000=[\w-]{43}; HttpOnly; Path=/; SameSite=lax", visit)
        scene.http.cookies.clear()
        form = forms_in(person.get("/sign-in"))[0]
        cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
        fields = form.fields | {"name": OWNER, "password": scene.password}
        scene.http.cookies.clear()
        answer = scene.http.post("/sign-in", data=fields, headers={"Cookie": cookie})
        session, visit = answer.headers.get_list("set-cookie")
        assert re.fullmatch(r"stardag-session-8000=[\w-]{43}; HttpOnly; Max-Age=604800; Path=/; SameSite=lax", session)
        assert visit.startswith('stardag-visit-8000="";')
        assert "Max-Age=0" in visit

    def test_over_https_nobody_else_can_set_it(self, first_start: FirstStart, tmp_path: Path) -> None:
        with first_start.scene(tmp_path / "data", "https://registry.example") as scene:
            person = scene.owner()
            assert list(person.cookies) == ["__Host-stardag-session"]
            assert "; Secure" in scene.http.get("/sign-in").headers["set-cookie"]
            tokens = scene.tokens()
            assert claims_in(tokens["access_token"])["iss"] == "https://registry.example"
            assert scene.http.get("/health", headers={"Host": "localhost:8000"}).status_code == 200
            assert scene.http.get("/health", headers={"Host": "evil.example"}).status_code == 421

    def test_a_secret_that_was_there_before_is_never_the_one_afterwards(self, scene: Scene) -> None:
        person = scene.person()
        person.cookies["stardag-session-8000"] = "planted"
        person.get("/sign-in")
        before = dict(person.cookies)
        person.sign_in(OWNER, scene.password)
        after = dict(person.cookies)
        assert set(after) == {"stardag-session-8000"}
        assert not set(after.values()) & set(before.values())
        assert "You are signed in" not in Person(scene.http, before).get("/account").text

    def test_signing_in_again_ends_the_session_before(self, scene: Scene) -> None:
        person = scene.owner()
        before = dict(person.cookies)
        page = person.get(scene.command_line().authorization(prompt="login"))
        person.submit(page, {"name": OWNER, "password": scene.password})
        assert before != person.cookies
        assert "You are signed in" not in Person(scene.http, before).get("/account").text

    def test_signing_out_ends_it_here_and_on_the_server(self, scene: Scene) -> None:
        person = scene.owner()
        before = dict(person.cookies)
        page = person.submit(person.get("/account"), form=1)
        assert forms_in(page)[0].action == "/sign-in"
        assert "stardag-session-8000" not in person.cookies
        assert "You are signed in" not in Person(scene.http, before).get("/account").text

    def test_it_ends_by_itself(self, scene: Scene) -> None:
        person = scene.owner()
        scene.clock.move(SESSION_LIFETIME)
        assert forms_in(person.get("/account"))[0].action == "/sign-in"

    @pytest.mark.parametrize("cookie", ["x", "A" * 43, "A" * 5000, "\u00e4", "'; DROP TABLE accounts; --"])
    def test_a_cookie_that_nobody_gave_is_nobodys(self, scene: Scene, cookie: str) -> None:
        answer = scene.http.get("/account", headers={b"Cookie": f"stardag-session-8000={cookie}".encode()})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Faccount")


class TestChangingThePassword:
    def change(self, person: Person, current: str, new: str, **more: str) -> httpx.Response:
        return person.submit(person.get("/account"), {"current": current, "password": new, **more})

    def test_the_new_one_counts_and_the_kept_one_goes(self, scene: Scene) -> None:
        person = scene.owner()
        kept = scene.data_dir / "owner-password"
        assert kept.read_text().strip() == scene.password
        assert "still the one that this registry made" in person.get("/account").text
        assert "has been changed" in self.change(person, scene.password, NEW_PASSWORD).text
        assert not kept.exists()
        assert "still the one" not in person.get("/account").text
        assert scene.person().sign_in(OWNER, scene.password).status_code == 403
        assert scene.person().sign_in(OWNER, NEW_PASSWORD).status_code == 200

    def test_other_browsers_are_signed_out_and_command_lines_where_asked(self, scene: Scene) -> None:
        here, there, command_line = scene.owner(), scene.owner(), scene.command_line()
        token = scene.tokens()["refresh_token"]
        self.change(here, scene.password, NEW_PASSWORD)
        assert "You are signed in" in here.get("/account").text
        assert "You are signed in" not in there.get("/account").text
        token = command_line.refresh(token).json()["refresh_token"]
        self.change(here, NEW_PASSWORD, scene.password, everywhere="yes")
        assert command_line.refresh(token).json()["error"] == "invalid_grant"

    @pytest.mark.parametrize(
        ("current", "new"),
        [
            ("wrong", NEW_PASSWORD),
            ("", NEW_PASSWORD),
            ("{password}", "short"),
            ("{password}", "x" * 1001),
            ("{password}", "xxxxxxxxxxxxxxxx"),
            ("{password}", "OWNER@localhost"),
            ("{password}", "{password}"),
        ],
    )
    def test_what_is_refused_changes_nothing(self, scene: Scene, current: str, new: str) -> None:
        person = scene.owner()
        password = scene.password
        answer = self.change(person, current.format(password=password), new.format(password=password))
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert scene.person().sign_in(OWNER, password).status_code == 200
        assert (scene.data_dir / "owner-password").exists()

    def test_whoever_finds_a_browser_cannot_guess_the_current_one(self, scene: Scene) -> None:
        person = scene.owner()
        answers = [self.change(person, "wrong", NEW_PASSWORD).status_code for _ in range(ATTEMPTS_AT_A_NAME + 1)]
        assert answers == [422] * ATTEMPTS_AT_A_NAME + [429]

    def test_composed_and_decomposed_letters_are_the_same(self, scene: Scene) -> None:
        self.change(scene.owner(), scene.password, "pa\u0308ssword with dots")
        assert scene.person().sign_in(OWNER, "p\u00e4ssword with dots").status_code == 200


def test_there_is_a_way_to_sign_in_as_somebody_else(scene: Scene) -> None:
    owner = scene.owner()
    page = owner.get(scene.command_line().authorization())
    (link,) = [attributes["href"] for tag, attributes in tags_in(page) if tag == "a"]
    form = forms_in(owner.get(link))[0]
    assert form.action == "/sign-in"
    assert form.fields["next"].startswith("/oauth/authorize?")


def test_a_path_in_the_public_address_is_kept(first_start: FirstStart, tmp_path: Path) -> None:
    """Behind a proxy that takes the path away."""
    with first_start.scene(tmp_path / "data", "https://example.com/registry") as scene:
        answer = scene.http.get("http://example.com/account")
        assert answer.headers["location"] == "/registry/sign-in?next=%2Faccount"
        form = forms_in(scene.http.get("http://example.com/sign-in"))[0]
        assert form.action == "/registry/sign-in"
        document = scene.http.get("http://example.com/.well-known/openid-configuration").json()
        assert document["token_endpoint"] == "https://example.com/registry/oauth/token"

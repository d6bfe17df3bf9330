"""What every keeper of the port `SignIns` promises, the fake as well as the real one."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from stardag.adapters.state_files.sign_ins import SignInFiles
from stardag.app.sign_in.ports import SignIns
from stardag.domain.configuration import StardagDirectory
from stardag.domain.credentials import Secret
from stardag.domain.errors import StateNotWritable
from stardag.domain.registry_errors import UnusableSecrets
from stardag.domain.sign_in import AccessToken, SignIn, Silence, User
from tests.fakes.sign_ins import FakeSignIns

URL, OTHER_URL = "http://localhost:8000", "https://api.stardag.com"
TOKEN, OTHER_TOKEN = AccessToken(Secret("access-1"), 1_700_000_600.5), AccessToken(Secret("access-2"), 1_700_000_900.0)
SILENCE = Silence(1_700_000_000.0, "no answer within 10 seconds")


@dataclass(frozen=True)
class Subject:
    """A keeper of the port, a directory to keep things in, and a way to make a sign-in there unusable."""

    sign_ins: SignIns
    directory: StardagDirectory
    spoil: Callable[[StardagDirectory, str], None]

    @property
    def own(self) -> StardagDirectory:
        """The user's own directory as the one in force."""
        return StardagDirectory(self.directory.user_path, self.directory.user_path)

    def keep(self, registry: str = "local", url: str = URL, token: str = "refresh-1", own: bool = False) -> SignIn:
        directory = self.own if own else self.directory
        sign_in = SignIn(directory.path, registry, url, f"{url}/oauth/token", "stardag-cli", Secret(token))
        self.sign_ins.keep(directory, sign_in)
        return sign_in


def spoil_file(directory: StardagDirectory, registry: str) -> None:
    Path(directory.path, "credentials", f"{registry}.json").chmod(0o644)


@pytest.fixture(params=["fake", "fake in a project", "files", "files in a project"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    user = str(tmp_path / "home" / ".stardag")
    path = str(tmp_path / "project" / ".stardag") if request.param.endswith("project") else user
    directory = StardagDirectory(path, user)
    if request.param.startswith("fake"):
        fake = FakeSignIns()
        return Subject(fake, directory, fake.spoil)
    return Subject(SignInFiles(user), directory, spoil_file)


def test_whose_a_sign_in_is_stays_known_until_it_is_replaced_or_removed(subject: Subject) -> None:
    alice = User("6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11", "alice", "alice@acme.example")
    sign_in = subject.keep()
    assert subject.sign_ins.account(sign_in) is None
    subject.sign_ins.keep(subject.directory, sign_in, alice)
    assert subject.sign_ins.account(sign_in) == alice
    renewed = subject.sign_ins.replace_refresh_token(sign_in, Secret("refresh-2"))
    assert subject.sign_ins.account(renewed) == alice
    assert subject.sign_ins.account(renewed._replace(registry="other")) is None
    subject.keep()
    assert subject.sign_ins.account(sign_in) is None
    subject.sign_ins.keep(subject.directory, sign_in, alice._replace(email=None))
    assert subject.sign_ins.account(sign_in) == alice._replace(email=None)
    subject.sign_ins.remove(sign_in)
    assert subject.sign_ins.account(sign_in) is None


def test_where_a_sign_in_is_kept_can_be_told_also_when_it_is_gone(subject: Subject) -> None:
    sign_in = subject.keep()
    path = str(Path(subject.directory.path, "credentials", "local.json"))
    assert subject.sign_ins.file_of(sign_in).path == path
    subject.sign_ins.remove(sign_in)
    assert subject.sign_ins.file_of(sign_in) == (path, None)


def test_nobody_is_signed_in_at_first_and_asking_makes_nothing(subject: Subject, tmp_path: Path) -> None:
    sign_in = SignIn(subject.directory.path, "local", URL, f"{URL}/oauth/token", "stardag-cli", Secret("refresh-1"))
    assert subject.sign_ins.find(subject.directory, "local", URL) is None
    assert list(subject.sign_ins.all_in(subject.directory)) == []
    assert not subject.sign_ins.has_signed_in(subject.directory, URL)
    assert subject.sign_ins.again(sign_in) is None
    assert subject.sign_ins.access_token(sign_in, "default") is None
    assert subject.sign_ins.silence(sign_in) is None
    subject.sign_ins.note_silence(sign_in, None)
    assert not subject.sign_ins.remove_unusable(subject.directory, "local")
    subject.sign_ins.remove(sign_in)
    assert list(tmp_path.iterdir()) == []


def test_a_sign_in_is_found_by_name_and_url(subject: Subject) -> None:
    subject.sign_ins.check_writable(subject.directory)
    sign_in = subject.keep()
    assert subject.sign_ins.find(subject.directory, "local", URL) == sign_in
    assert subject.sign_ins.again(sign_in) == sign_in


def test_a_sign_in_is_not_found_for_another_url_or_name(subject: Subject) -> None:
    subject.keep()
    for registry, url in (
        ("local", OTHER_URL),
        ("local", URL + "/api"),
        ("local", "http://localhost:80"),
        ("other", URL),
    ):
        assert subject.sign_ins.find(subject.directory, registry, url) is None


def test_signing_in_again_replaces_the_sign_in_and_its_access_tokens_go(subject: Subject) -> None:
    first, other = subject.keep(), subject.keep("other", OTHER_URL)
    for sign_in in (first, other):
        for organization in ("default", "my-org"):
            subject.sign_ins.keep_access_token(sign_in, organization, TOKEN)
    second = subject.keep(token="refresh-2")
    assert subject.sign_ins.find(subject.directory, "local", URL) == second
    for organization in ("default", "my-org"):
        assert subject.sign_ins.access_token(second, organization) is None
        assert subject.sign_ins.access_token(other, organization) == TOKEN


def test_a_name_can_move_to_another_url(subject: Subject) -> None:
    first, second = subject.keep(), subject.keep(url=OTHER_URL)
    assert subject.sign_ins.again(first) is None
    assert subject.sign_ins.find(subject.directory, "local", URL) is None
    assert subject.sign_ins.find(subject.directory, "local", OTHER_URL) == second


def test_what_is_not_in_the_directory_in_force_is_looked_for_in_the_users_own(subject: Subject) -> None:
    own, other = subject.keep(own=True), subject.keep("other", OTHER_URL, own=True)
    assert subject.sign_ins.find(subject.directory, "local", URL) == own
    nearer = subject.keep(token="refresh-2")
    assert subject.sign_ins.find(subject.directory, "local", URL) == nearer
    assert subject.sign_ins.find(subject.directory, "other", OTHER_URL) == other


def test_a_sign_in_for_another_url_does_not_hide_the_users_own(subject: Subject) -> None:
    if not subject.directory.is_project:
        pytest.skip("there is one directory alone")
    own = subject.keep(own=True)
    subject.keep(url=OTHER_URL)
    assert subject.sign_ins.find(subject.directory, "local", URL) == own


def test_every_sign_in_is_listed_nearest_first(subject: Subject) -> None:
    own = [subject.keep("a", own=True), subject.keep("b", OTHER_URL, own=True)]
    here = [subject.keep("b", token="refresh-2"), subject.keep("c")]
    expected = [*here, *own] if subject.directory.is_project else [own[0], *here]
    assert list(subject.sign_ins.all_in(subject.directory)) == expected
    assert list(subject.sign_ins.all_in(subject.own)) == (own if subject.directory.is_project else expected)


def test_having_signed_in_is_told_by_origin_from_the_users_own_directory_alone(subject: Subject) -> None:
    subject.keep(own=True)
    subject.keep("other", OTHER_URL)
    assert subject.sign_ins.has_signed_in(subject.directory, URL + "/elsewhere")
    assert not subject.sign_ins.has_signed_in(subject.directory, "http://localhost:8001")
    assert subject.sign_ins.has_signed_in(subject.directory, OTHER_URL) != subject.directory.is_project


def test_the_successor_of_a_refresh_token_is_kept_and_access_tokens_stay(subject: Subject) -> None:
    sign_in = subject.keep()
    subject.sign_ins.keep_access_token(sign_in, "default", TOKEN)
    with subject.sign_ins.alone(sign_in, 5):
        successor = subject.sign_ins.replace_refresh_token(sign_in, Secret("refresh-2"))
    assert successor == sign_in._replace(refresh_token=Secret("refresh-2"))
    assert subject.sign_ins.find(subject.directory, "local", URL) == successor
    assert subject.sign_ins.access_token(successor, "default") == TOKEN


def test_access_tokens_are_kept_for_each_organization_and_replaced(subject: Subject) -> None:
    sign_in = subject.keep()
    for organization, token in (("default", TOKEN), ("my-org", TOKEN), ("default", OTHER_TOKEN)):
        subject.sign_ins.keep_access_token(sign_in, organization, token)
    assert subject.sign_ins.access_token(sign_in, "default") == OTHER_TOKEN
    assert subject.sign_ins.access_token(sign_in, "my-org") == TOKEN
    assert subject.sign_ins.access_token(sign_in, "00000000-0000-4000-8000-000000000001") is None


def test_what_a_renewal_brings_is_not_kept_over_a_newer_sign_in(subject: Subject) -> None:
    older, newer = subject.keep(), subject.keep(token="newer")
    successor = subject.sign_ins.replace_refresh_token(older, Secret("refresh-2"))
    assert successor.refresh_token == Secret("refresh-2")
    for sign_in in (older, successor):
        subject.sign_ins.keep_access_token(sign_in, "default", TOKEN)
    assert subject.sign_ins.find(subject.directory, "local", URL) == newer
    assert subject.sign_ins.access_token(newer, "default") is None


def test_what_a_renewal_brings_is_not_kept_after_signing_out(subject: Subject) -> None:
    sign_in = subject.keep()
    subject.sign_ins.remove(sign_in)
    successor = subject.sign_ins.replace_refresh_token(sign_in, Secret("refresh-2"))
    subject.sign_ins.keep_access_token(successor, "default", TOKEN)
    assert subject.sign_ins.find(subject.directory, "local", URL) is None
    assert subject.sign_ins.access_token(successor, "default") is None


def test_signing_out_removes_the_sign_in_and_its_access_tokens_and_no_others(subject: Subject) -> None:
    sign_in, other, longer = subject.keep(), subject.keep("other"), subject.keep("local-2")
    for each in (sign_in, other, longer):
        subject.sign_ins.keep_access_token(each, "default", TOKEN)
    for _ in range(2):
        subject.sign_ins.remove(sign_in)
        assert subject.sign_ins.find(subject.directory, "local", URL) is None
        assert subject.sign_ins.again(sign_in) is None
        assert subject.sign_ins.access_token(sign_in, "default") is None
    for each in (other, longer):
        assert subject.sign_ins.find(subject.directory, each.registry, URL) == each
        assert subject.sign_ins.access_token(each, "default") == TOKEN


def test_an_unusable_sign_in_is_an_error_that_names_the_file_and_what_mends_it(subject: Subject) -> None:
    sign_in = subject.keep()
    subject.spoil(subject.directory, "local")
    for act in (
        lambda: subject.sign_ins.find(subject.directory, "local", URL),
        lambda: subject.sign_ins.find(subject.directory, "local", OTHER_URL),
        lambda: subject.sign_ins.all_in(subject.directory),
        lambda: subject.sign_ins.again(sign_in),
    ):
        with pytest.raises(UnusableSecrets) as caught:
            act()
        assert caught.value.path == str(Path(subject.directory.path, "credentials", "local.json"))
        assert any(command in caught.value.fix for command in ("chmod 600", "auth login --registry local"))
    assert not subject.sign_ins.has_signed_in(subject.directory, URL)
    assert subject.sign_ins.find(subject.directory, "other", URL) is None


def test_signing_in_again_mends_an_unusable_sign_in(subject: Subject) -> None:
    subject.keep()
    subject.spoil(subject.directory, "local")
    subject.sign_ins.check_writable(subject.directory)
    second = subject.keep(token="refresh-2")
    assert subject.sign_ins.find(subject.directory, "local", URL) == second


def test_signing_out_removes_an_unusable_sign_in_wherever_it_is(subject: Subject) -> None:
    other = subject.keep("other")
    for own in (True, False):
        sign_in = subject.keep(own=own)
        subject.sign_ins.keep_access_token(sign_in, "default", TOKEN)
    subject.spoil(subject.directory, "local")
    assert subject.sign_ins.remove_unusable(subject.directory, "local")
    assert subject.sign_ins.find(subject.directory, "local", URL) is None
    assert list(subject.sign_ins.all_in(subject.directory)) == [other]
    assert not subject.sign_ins.remove_unusable(subject.directory, "local")


def test_silence_is_noted_for_this_issuer_until_it_answers(subject: Subject) -> None:
    sign_in = subject.keep()
    subject.sign_ins.note_silence(sign_in, SILENCE)
    assert subject.sign_ins.silence(sign_in) == SILENCE
    assert subject.sign_ins.silence(sign_in._replace(token_endpoint="https://elsewhere.example/token")) is None
    assert subject.sign_ins.silence(sign_in._replace(registry="other")) is None
    subject.sign_ins.note_silence(sign_in, SILENCE._replace(at=1.0))
    assert subject.sign_ins.silence(sign_in) == SILENCE._replace(at=1.0)
    subject.sign_ins.note_silence(sign_in, None)
    assert subject.sign_ins.silence(sign_in) is None


def test_of_many_threads_one_at_a_time_renews(subject: Subject) -> None:
    subject.keep(token="0")

    def renew(_: int) -> None:
        sign_in = subject.sign_ins.find(subject.directory, "local", URL)
        assert sign_in is not None
        with subject.sign_ins.alone(sign_in, 30):
            current = subject.sign_ins.again(sign_in)
            assert current is not None
            number = int(current.refresh_token.reveal())
            subject.sign_ins.replace_refresh_token(current, Secret(str(number + 1)))

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(renew, range(32)))
    kept = subject.sign_ins.find(subject.directory, "local", URL)
    assert kept is not None
    assert kept.refresh_token == Secret("32")


def test_whoever_waits_too_long_for_another_renewal_is_told_so(subject: Subject) -> None:
    sign_in, other = subject.keep(), subject.keep("other")
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with subject.sign_ins.alone(sign_in, 5):
            held.set()
            enough.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(30)
        with pytest.raises(StateNotWritable, match=r"has kept the lock"), subject.sign_ins.alone(sign_in, 0.05):
            pass
        with subject.sign_ins.alone(other, 0.05):  # another registry's sign-in is not affected
            assert subject.sign_ins.find(subject.directory, "local", URL) == sign_in  # and reading never waits
    finally:
        enough.set()
        holder.join()
    with subject.sign_ins.alone(sign_in, 0.05):
        pass


def test_an_error_within_gives_the_turn_back(subject: Subject) -> None:
    sign_in = subject.keep()
    with pytest.raises(ZeroDivisionError), subject.sign_ins.alone(sign_in, 5):
        raise ZeroDivisionError
    with subject.sign_ins.alone(sign_in, 0.05):
        pass

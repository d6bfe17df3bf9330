"""Signing in when things go wrong on the way to the registry: nobody is signed out, and nothing secret is shown."""

import base64
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue
from threading import Barrier
from urllib.parse import parse_qsl, quote

import pytest

from stardag.adapters.held_signals import HeldSignals
from stardag.adapters.http_registry import HttpRegistries
from stardag.adapters.oauth import OAuthIdentityProvider
from stardag.adapters.state_files.sign_ins import SignInFiles
from stardag.app.sign_in.renew_tokens import RenewTokens
from stardag.domain.configuration import StardagDirectory
from stardag.domain.errors import OutOfReach
from stardag_registry.adapters.database import DATABASE_FILE, open_database
from stardag_registry.adapters.signing import DatabaseSigner
from stardag_registry.adapters.system import random_bytes
from stardag_registry.app.organization_tokens import OrganizationTokens
from tests.end_to_end.builds import run
from tests.end_to_end.front import Front, Passage, Treatment, registry_behind_a_front
from tests.end_to_end.machine import PROGRAM, Machine
from tests.end_to_end.recorder import recording
from tests.end_to_end.signing_in import CONFIGURATION, expire, is_revealed, journal, secrets_of, sign_in
from tests.processes import Running, started
from tests.registry.running import DEADLINE, RunningRegistry

REFRESH = "POST /oauth/token"
EXCHANGE = "POST /api/v1/auth/exchange"
DAY = 86400


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[RunningRegistry, Front]]:
    with registry_behind_a_front(tmp_path_factory.mktemp("issuer") / "data") as both:
        yield both


@pytest.fixture
def issuer(behind: tuple[RunningRegistry, Front]) -> RunningRegistry:
    return behind[0]


@pytest.fixture
def front(behind: tuple[RunningRegistry, Front]) -> Front:
    front = behind[1]
    front.harmless()
    return front


@pytest.fixture
def machine(machine: Machine, issuer: RunningRegistry, front: Front) -> Machine:
    """Somebody has signed in."""
    machine.configure(CONFIGURATION.format(url=front.url))
    machine.directory.chmod(0o700)
    sign_in(machine, issuer)
    front.harmless()
    return machine


def lose_the_question(passage: Passage) -> None:
    """The connection is cut before the issuer has done anything."""


def lose_the_answer(passage: Passage) -> None:
    """The issuer has done it, and nobody hears."""
    passage.forward()


def lose_half_the_answer(passage: Passage) -> None:
    forwarded = passage.forward()
    passage.answer(forwarded.status, forwarded.body, forwarded.headers, cut_at=len(forwarded.body) // 2)


ON_A_THREAD = """
import contextlib, stardag, threading
def work():
    with contextlib.suppress(Exception):
        stardag.sync_target_roots()
thread = threading.Thread(target=work, daemon=True)
thread.start()
thread.join()
"""


def kept_token(machine: Machine) -> str:
    """The refresh token that is kept."""
    document = json.loads((machine.directory / "credentials" / "local.json").read_text())
    return str(document["refresh_token"])


def signal_during_refresh(front: Front, number: signal.Signals) -> "tuple[Queue[Running], Queue[str]]":
    """Send a signal to the process that is put into the first queue, when the issuer has made the successor of a
    refresh token, and before it says so. The second queue gets the successor."""
    processes, successors = Queue[Running](), Queue[str]()

    def treat(passage: Passage) -> None:
        forwarded = passage.forward()
        processes.get(timeout=DEADLINE).send_signal(number)
        successors.put(str(json.loads(forwarded.body)["refresh_token"]))
        passage.answer(forwarded.status, forwarded.body, forwarded.headers)

    front.only(REFRESH, treat)
    return processes, successors


def renewal(machine: Machine) -> tuple[RenewTokens, StardagDirectory]:
    """What the program does to have a token, in this process."""
    sign_ins = SignInFiles(str(machine.directory))
    renew = RenewTokens(sign_ins, OAuthIdentityProvider(), HttpRegistries(), time.time, HeldSignals())
    return renew, StardagDirectory(str(machine.directory), str(machine.directory))


def test_a_token_that_the_registry_rejects_is_named_by_the_sign_in_and_its_file(machine: Machine, front: Front) -> None:
    expire(machine)
    front.only(EXCHANGE, lambda passage: passage.answer(401, b'{"code": "unauthenticated", "title": "No"}'))
    error = machine.ask("target-roots", "sync", exits=4).error
    file = machine.directory / "credentials" / "local.json"
    assert f"rejected the access token of the sign-in to 'local' ({file}, written " in error["message"]
    assert error["fix"] == "Sign in again with: stardag auth login --registry local"


@pytest.mark.parametrize("threads", [pytest.param(100, id="short"), pytest.param(1000, marks=pytest.mark.slow)])
def test_however_many_threads_find_the_token_stale_there_is_one_refresh(
    machine: Machine, front: Front, threads: int
) -> None:
    expire(machine)
    renew, directory = renewal(machine)
    sign_in = renew.sign_ins.find(directory, "local", front.url)
    assert sign_in is not None
    together = Barrier(threads)

    def have_one() -> str:
        together.wait()
        return renew(sign_in, "default", 60).token.reveal()

    with ThreadPoolExecutor(threads) as pool:
        tokens = {future.result() for future in [pool.submit(have_one) for _ in range(threads)]}
    assert len(tokens) == 1
    assert front.requests == [REFRESH, EXCHANGE]


class TestSignalsDuringARefresh:
    """Whoever ends the program while the issuer answers does not sign anybody out: the successor is kept first."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
    @pytest.mark.parametrize("line", ["target-roots sync", "exec -- true", "auth token"])
    def test_the_successor_is_kept_and_then_the_program_ends(
        self, machine: Machine, front: Front, line: str, number: signal.Signals
    ) -> None:
        before = kept_token(machine)
        expire(machine)
        processes, successors = signal_during_refresh(front, number)
        with machine.running(*line.split()) as process:
            processes.put(process)
            ended = process.ended(DEADLINE)
        assert ended.code == (130 if number == signal.SIGINT else -number)
        assert b"Traceback" not in ended.err
        assert kept_token(machine) == successors.get(timeout=DEADLINE) != before
        # `exec` validates on another thread, which may go on to its next request until the main thread has ended it.
        possible = [[REFRESH], [REFRESH, EXCHANGE]] if line.startswith("exec") else [[REFRESH]]
        assert front.requests in possible
        front.harmless()
        assert machine.run("auth", "token").out

    def test_a_token_that_is_given_is_kept_by_its_successor(self, machine: Machine, front: Front) -> None:
        before = kept_token(machine)
        words = ("auth", "login", "--with-token", "--registry", "local")
        processes, successors = signal_during_refresh(front, signal.SIGTERM)
        with machine.running(*words, given=f"{before}\n") as process:
            processes.put(process)
            assert process.ended(DEADLINE).code == -signal.SIGTERM
        assert kept_token(machine) == successors.get(timeout=DEADLINE) != before

    @pytest.mark.parametrize("on_a_thread", [False, True], ids=["main thread", "other thread"])
    def test_so_does_a_program_that_uses_the_library(
        self, machine: Machine, front: Front, tmp_path: Path, on_a_thread: bool
    ) -> None:
        before = kept_token(machine)
        expire(machine)
        code = "import stardag; stardag.sync_target_roots()"
        if on_a_thread:
            code = ON_A_THREAD
        processes, successors = signal_during_refresh(front, signal.SIGINT)
        with started([sys.executable, "-c", code], machine.environment(), tmp_path) as process:
            processes.put(process)
            assert process.ended(DEADLINE).code == -signal.SIGINT
        assert kept_token(machine) == successors.get(timeout=DEADLINE) != before


class TestLostAnswers:
    @pytest.mark.parametrize("trials", [pytest.param(60, id="short"), pytest.param(1000, marks=pytest.mark.slow)])
    def test_a_connection_that_is_cut_signs_nobody_out(
        self, machine: Machine, issuer: RunningRegistry, front: Front, trials: int
    ) -> None:
        before = journal(issuer)
        renew, directory = renewal(machine)
        losses = (lose_the_answer, lose_the_question, lose_half_the_answer)
        for number in range(trials):
            sign_in = renew.sign_ins.find(directory, "local", front.url)
            assert sign_in is not None
            front.only(REFRESH, losses[number % 3])
            with pytest.raises(OutOfReach):
                renew.issued(sign_in, 20)
            if number % 4:  # now and then, several are lost in a row
                front.harmless()
                renew.issued(sign_in, 20)
        front.harmless()
        assert machine.run("auth", "token").out
        spent = journal(issuer) - before
        assert spent["refresh refused"] == 0
        assert spent["refresh repeated"] >= trials // 3

    @pytest.mark.parametrize("trials", [pytest.param(12, id="short"), pytest.param(300, marks=pytest.mark.slow)])
    def test_a_process_that_is_killed_signs_nobody_out(
        self, machine: Machine, issuer: RunningRegistry, front: Front, trials: int
    ) -> None:
        before = journal(issuer)
        for number in range(trials):
            expire(machine)
            victims: Queue[Running] = Queue()
            front.treatment = killing(front, victims, number)
            with machine.running("auth", "token") as victim:
                victims.put(victim)
                assert victim.wait(DEADLINE) == -signal.SIGKILL
        front.harmless()
        expire(machine)
        assert machine.run("auth", "token").out
        assert (journal(issuer) - before)["refresh refused"] == 0
        assert not list(machine.directory.rglob("*.tmp"))


def killing(front: Front, victims: "Queue[Running]", number: int) -> Callable[[Passage], None]:
    """Kill the process that asks: before the issuer has heard, before it has answered, or some moments later, while
    what it answered is being kept. The exchange that would follow hangs, so that nobody is done before that."""

    def treat(passage: Passage) -> None:
        if passage.name == EXCHANGE:
            front.hang(passage)
            return
        if number % 5 > 0:
            forwarded = passage.forward()
            if number % 5 > 1:
                passage.answer(forwarded.status, forwarded.body, forwarded.headers)
                time.sleep((number % 7) * 0.002)  # the moment is what is tried out
        victims.get().kill()

    return treat


class TestSilence:
    def test_an_issuer_that_hangs_costs_one_deadline_and_the_next_process_nothing(
        self, machine: Machine, front: Front
    ) -> None:
        expire(machine)
        front.only(REFRESH, front.hang)
        began = time.monotonic()
        first = machine.ask("target-roots", "sync", exits=6, env={"STARDAG_TIMEOUT": "2"}).error
        assert 2 <= time.monotonic() - began < 12
        assert "within 2 seconds" in first["message"]
        assert front.requests == [REFRESH]
        following = machine.ask("target-roots", "sync", exits=6, env={"STARDAG_TIMEOUT": "2"}).error
        assert "seconds ago" in following["message"]
        assert "STARDAG_API_KEY" in following["fix"]
        assert front.requests == [REFRESH]
        reading = machine.run("target-roots", "list")  # what is cached is read all the same
        assert "default" in reading.out

    def test_of_many_processes_at_once_one_waits_for_it(self, machine: Machine, front: Front) -> None:
        expire(machine)
        front.only(REFRESH, front.hang)
        with ExitStack() as stack:
            started = [stack.enter_context(machine.running("auth", "token", STARDAG_TIMEOUT="3")) for _ in range(6)]
            ended = [process.ended(DEADLINE) for process in started]
        assert [each.code for each in ended] == [6] * 6, ended
        assert front.requests == [REFRESH]

    def test_a_registry_that_hangs_while_somebody_signs_in_is_one_message(self, machine: Machine, front: Front) -> None:
        front.only("GET /.well-known/openid-configuration", front.hang)
        said = machine.run("auth", "login", "--no-browser", exits=6, env={"STARDAG_TIMEOUT": "1"})
        assert said.err.count("error:") == 1
        assert "/oauth/authorize" not in said.err


CLOCK = """
import time
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + {seconds}
time.time_ns = lambda: _time_ns() + {seconds} * 10**9
"""


class TestClocks:
    """The machine's clock is off; the registry's is right."""

    @pytest.fixture
    def off_by(self, tmp_path: Path) -> Callable[[int], dict[str, str]]:
        def environment(seconds: int) -> dict[str, str]:
            (tmp_path / "clock").mkdir()
            (tmp_path / "clock" / "sitecustomize.py").write_text(CLOCK.format(seconds=seconds))
            return {"PYTHONPATH": str(tmp_path / "clock")}

        return environment

    @pytest.mark.parametrize("minutes", [5, -5])
    def test_five_minutes_are_not_noticed(
        self, machine: Machine, off_by: Callable[[int], dict[str, str]], minutes: int
    ) -> None:
        env = off_by(minutes * 60)
        assert machine.installed.ask("target-roots", "sync", env=env).warnings == {}
        expire(machine)
        assert machine.installed.ask("target-roots", "validate", env=env).warnings == {}

    def test_a_token_that_has_ended_and_looks_good_is_replaced(
        self,
        machine: Machine,
        issuer: RunningRegistry,
        front: Front,
        off_by: Callable[[int], dict[str, str]],
    ) -> None:
        outlive(machine, issuer, front, looks_good_for=120 - 300)
        assert machine.installed.ask("target-roots", "sync", env=off_by(-300)).warnings == {}
        assert front.requests[1:3] == [REFRESH, EXCHANGE]

    @pytest.mark.parametrize(("seconds", "said"), [(DAY, "1 day ahead"), (-DAY, "1 day behind")])
    def test_a_day_is_said_after_two_requests_at_most(
        self, machine: Machine, front: Front, off_by: Callable[[int], dict[str, str]], seconds: int, said: str
    ) -> None:
        error = machine.installed.ask("target-roots", "sync", exits=4, env=off_by(seconds)).error
        assert said in error["message"]
        assert "clock" in error["fix"]
        assert len(front.requests) <= 2
        front.harmless()
        assert machine.ask("target-roots", "sync").warnings == {}  # the clock is right again, and nobody is signed out

    def test_a_day_is_said_as_well_of_a_token_that_looks_good(
        self,
        machine: Machine,
        issuer: RunningRegistry,
        front: Front,
        off_by: Callable[[int], dict[str, str]],
    ) -> None:
        outlive(machine, issuer, front, looks_good_for=120 - DAY)
        error = machine.installed.ask("target-roots", "sync", exits=4, env=off_by(-DAY)).error
        assert "1 day behind" in error["message"]
        assert len(front.requests) == 1


def outlive(machine: Machine, issuer: RunningRegistry, front: Front, looks_good_for: int) -> None:
    """Put a token into the cache that the registry gave a day ago; by what stands beside it, it is good for so many
    seconds from now."""

    def yesterday() -> datetime:
        return datetime.now(UTC) - timedelta(days=1)

    database = open_database(issuer.data_dir / DATABASE_FILE)
    try:
        signer = DatabaseSigner(database, yesterday)
        token = OrganizationTokens(front.url, signer, yesterday, random_bytes).make("somebody", "somewhere")
    finally:
        database.close()
    (path,) = machine.directory.glob("access-token-cache/*.json")
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"access_token": token, "expires_at": time.time() + looks_good_for}))


class Overheard:
    """Every secret that goes through a front, either way."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()

    def listen(self, treatment: Treatment) -> Treatment:
        def treat(passage: Passage) -> None:
            self.note(passage)
            treatment(passage)

        return treat

    def note(self, passage: Passage) -> None:
        carried = passage.headers.get("Authorization", "").removeprefix("Bearer ")
        fields = dict(parse_qsl(passage.body.decode("latin-1")))
        self.secrets.update(filter(None, (carried, fields.get("refresh_token"), fields.get("token"))))
        self.secrets.update(re.findall(r'"id_token": ?"([^"]+)"', passage.body.decode("latin-1")))


def sent(passage: Passage) -> str:
    """All that a request holds, in every disguise that a careless server might put into its answer."""
    whole = f"{passage.headers.get('Authorization')} {passage.body.decode('latin-1')}"
    fields = dict(parse_qsl(passage.body.decode("latin-1")))
    each = [passage.headers.get("Authorization", "").removeprefix("Bearer "), *fields.values()]
    disguised = [quote(one, safe="") + " " + base64.b64encode(one.encode()).decode() for one in each]
    return " ".join([whole, *each, *disguised])


def echo(status: int) -> Treatment:
    def treat(passage: Passage) -> None:
        said = sent(passage)
        document = {
            "error": said,
            "error_description": said,
            "code": said[:40],
            "title": said,
            "detail": said,
            "organization": said,
            "access_token": 1,
            "service": said,
        }
        passage.answer(status, json.dumps(document).encode(), [("Location", f"/{quote(said)}")])

    return treat


def refuse_the_grant(passage: Passage) -> None:
    document = {"error": "invalid_grant", "error_description": sent(passage)}
    passage.answer(400, json.dumps(document).encode())


FAULTS: dict[str, Treatment] = {
    **{f"says it back with {status}": echo(status) for status in (200, 302, 400, 401, 403, 404, 422, 500)},
    "refuses the grant": refuse_the_grant,
    "cuts the connection": lose_the_question,
}

FEW_FAULTS = ("says it back with 200", "says it back with 401", "refuses the grant")
"""An answer that is read, one that is acted upon, and one of OAuth's: the others take the same ways."""

WITH_TOKEN = ("auth", "login", "--with-token")

AT: dict[str, tuple[tuple[str, ...], ...]] = {
    REFRESH: (
        ("target-roots", "sync"),
        ("organizations", "list"),
        ("auth", "token"),
        WITH_TOKEN,
    ),
    EXCHANGE: (("target-roots", "sync"), ("auth", "token")),
    "PUT /api/v1/me": (WITH_TOKEN,),
    "GET /api/v1/organizations": (("organizations", "list"),),
    "GET /api/v1/me": (("auth", "status"),),
    "GET target-roots": (("target-roots", "sync"), ("target-roots", "validate")),
    "GET workspaces": (("workspaces", "list"),),
    "POST /oauth/revoke": (("auth", "logout"),),
}


class TestSecrets:
    """Whatever fails wherever, and whatever the other side says back, no secret is shown."""

    @pytest.mark.parametrize("at", AT)
    @pytest.mark.parametrize(
        "faults", [pytest.param(FEW_FAULTS, id="short"), pytest.param(tuple(FAULTS), id="all", marks=pytest.mark.slow)]
    )
    def test_no_fault_shows_one(
        self, machine: Machine, issuer: RunningRegistry, front: Front, faults: Sequence[str], at: str
    ) -> None:
        overheard = Overheard()
        credentials = machine.directory / "credentials" / "local.json"
        for fault in faults:
            for words in AT[at]:
                if at in (REFRESH, EXCHANGE):
                    expire(machine)
                kept = credentials.read_bytes()
                front.treatment = overheard.listen(only_at(at, FAULTS[fault]))
                overheard.secrets.update(secrets_of(machine.directory))
                given = json.loads(kept)["refresh_token"] if "--with-token" in words else ""
                ran = machine.run(*words, exits=None, env={"STARDAG_TIMEOUT": "5"}, given=given)
                shown = [] if words == ("auth", "token") and ran.code == 0 else [ran.said]
                assert not [secret for secret in overheard.secrets for text in shown if is_revealed(secret, text)]
                assert any(is_at(at, name) for name in front.requests), (words, front.requests)
                if at.startswith("GET"):  # an API key is short enough to be shown whole
                    said = machine.run(*words, exits=None, env={"STARDAG_API_KEY": issuer.owner_key}).said
                    assert not is_revealed(issuer.owner_key, said)
                front.harmless()
                if words == ("auth", "logout"):
                    credentials.touch(0o600)
                    credentials.write_bytes(kept)
        assert overheard.secrets

    @pytest.mark.parametrize(
        "fault",
        [pytest.param(fault, marks=() if fault in FEW_FAULTS else pytest.mark.slow) for fault in FAULTS],
    )
    def test_no_traceback_and_no_log_of_a_program_shows_one(
        self, machine: Machine, front: Front, fault: str, issuer: RunningRegistry
    ) -> None:
        overheard = Overheard()
        for at in (REFRESH, EXCHANGE, "GET target-roots"):
            expire(machine)
            front.treatment = overheard.listen(only_at(at, FAULTS[fault]))
            for env in ({}, {"STARDAG_API_KEY": issuer.owner_key}):
                told = "".join(run(TELLTALE, machine.environment(**env), machine.work))
                secrets = {*overheard.secrets, *secrets_of(machine.directory), issuer.owner_key}
                assert not [secret for secret in secrets if is_revealed(secret, told)]
        assert not [secret for secret in overheard.secrets - {issuer.owner_key} if is_revealed(secret, issuer.said())]

    @pytest.mark.parametrize(
        "status", [302, 307, *(pytest.param(status, marks=pytest.mark.slow) for status in (301, 303, 308))]
    )
    def test_a_redirect_takes_none_along(
        self, machine: Machine, issuer: RunningRegistry, front: Front, status: int
    ) -> None:
        with recording() as recorder:
            front.treatment = lambda passage: passage.answer(
                status, b"", [("Location", recorder.url + passage.name.partition(" ")[2])]
            )
            for words in (("target-roots", "sync"), ("organizations", "list"), ("auth", "status"), ("auth", "logout")):
                for env in ({}, {"STARDAG_API_KEY": issuer.owner_key}):
                    machine.run(*words, exits=None, env=env)
            assert recorder.received == []


TELLTALE = """
import logging, sys, traceback
logging.basicConfig(level=logging.DEBUG)
logging.getLogger("httpcore").setLevel(logging.INFO)  # below that it shows the other side's headers as they come
import stardag
try:
    stardag.validate_before_build()
except Exception as error:
    print(*traceback.TracebackException.from_exception(error, capture_locals=True).format())
    print(repr(error), error.args, vars(error))
"""


def is_at(at: str, name: str) -> bool:
    """Whether a request is the one meant; of what lies below a workspace or an organization, the last step counts."""
    method, _, last = at.partition(" ")
    return name == at or (not last.startswith("/") and name.startswith(method) and name.endswith(f"/{last}"))


def only_at(at: str, fault: Treatment) -> Treatment:
    return lambda passage: (fault if is_at(at, passage.name) else Passage.pass_on)(passage)


MOUNTS_READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'


class TestReadOnlyHome:
    def run(self, machine: Machine, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the program where the home directory can be read and not written, even by root."""
        if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
            pytest.skip("A READ-ONLY HOME IS NOT TESTED: unshare is not allowed here")
        command = ["unshare", "-rm", "sh", "-c", MOUNTS_READ_ONLY, "sh", str(machine.home), str(PROGRAM), *words]
        return subprocess.run(
            command,
            env=machine.environment(**variables),
            cwd=machine.work,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def test_a_cached_token_is_used(self, machine: Machine) -> None:
        ended = self.run(machine, "target-roots", "validate")
        assert ended.returncode == 0, ended.stderr

    def test_no_refresh_token_is_spent_whose_successor_cannot_be_kept(self, machine: Machine, front: Front) -> None:
        expire(machine)
        ended = self.run(machine, "target-roots", "validate")
        assert ended.returncode != 0
        assert str(machine.directory) in ended.stderr
        assert front.requests == []
        assert machine.run("target-roots", "validate").code == 0

    def test_signing_in_says_so_before_anybody_goes_to_a_page(self, machine: Machine) -> None:
        ended = self.run(machine, "auth", "login", "--no-browser")
        assert ended.returncode != 0
        assert "/oauth/" not in ended.stderr
        assert "STARDAG_HOME" in ended.stderr

    def test_an_api_key_works(self, machine: Machine, issuer: RunningRegistry) -> None:
        ended = self.run(machine, "organizations", "list", STARDAG_API_KEY=issuer.owner_key)
        assert (ended.returncode, "default" in ended.stdout) == (0, True), ended.stderr

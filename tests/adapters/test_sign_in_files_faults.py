"""Sign-ins under faults: killed at any moment, many processes and threads, no descriptors left.

Whoever looks afterwards finds the sign-in from before or the one from after, never a mixture and never nothing. The
functions that other processes run stand here too; those are started as `python -c "import this; call"`.
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from stardag.adapters.state_files.sign_ins import SignInFiles
from stardag.domain.configuration import StardagDirectory
from stardag.domain.credentials import Secret
from stardag.domain.errors import StateNotWritable
from stardag.domain.registry_errors import UnusableSecrets
from stardag.domain.sign_in import AccessToken, SignIn
from tests.killed_writer import killed_writer
from tests.watched_system_calls import watched

URL = "http://localhost:8000"
REPOSITORY = Path(__file__).parents[2]
FAR_AWAY = 4_000_000_000.0


class Found(NamedTuple):
    """What a new process finds: the refresh token and the access token."""

    refresh: str | None
    access: str | None


class Subject:
    """A stardag directory with a sign-in, "old", and its access token, "old access"."""

    def __init__(self, path: str, user_path: str) -> None:
        self.directory = StardagDirectory(path, user_path)
        self.files = SignInFiles(user_path)
        self.old = SignIn(path, "local", URL, f"{URL}/oauth/token", "stardag-cli", Secret("old"))
        self.new = self.old._replace(refresh_token=Secret("new"))
        self.files.check_writable(self.directory)  # and whatever a first write imports is there
        self.reset()

    def reset(self) -> None:
        started = time.monotonic()
        self.files.keep(self.directory, self.old)
        self.files.keep_access_token(self.old, "default", AccessToken(Secret("old-access"), FAR_AWAY))
        assert time.monotonic() - started < 20  # no lock is left stuck; one that is would take 30 seconds
        left = [name for folder in ("credentials", "access-token-cache") for name in os.listdir(self.path(folder))]
        assert set(left) <= {"local.json", "local__default.json", ".lock", ".local.lock"}, left

    def path(self, name: str) -> str:
        return os.path.join(self.directory.path, name)

    def found(self) -> Found:
        sign_in = self.files.find(self.directory, "local", URL)
        token = self.files.access_token(self.old, "default")
        return Found(
            None if sign_in is None else sign_in.refresh_token.reveal(), None if token is None else token.token.reveal()
        )

    def sign_in_again(self) -> None:
        self.files.keep(self.directory, self.new)

    def renew(self) -> None:
        with self.files.alone(self.old, 5):
            successor = self.files.replace_refresh_token(self.old, Secret("new"))
            self.files.keep_access_token(successor, "default", AccessToken(Secret("new-access"), FAR_AWAY))

    def sign_out(self) -> None:
        self.files.remove(self.old)


WHOLE = Found("old", "old-access")
ALLOWED: dict[str, set[Found]] = {
    "sign_in_again": {WHOLE, Found("old", None), Found("new", None)},
    "renew": {WHOLE, Found("new", "old-access"), Found("new", "new-access")},
    "sign_out": {WHOLE, Found("old", None), Found(None, None)},
}
LAST = {"sign_in_again": Found("new", None), "renew": Found("new", "new-access"), "sign_out": Found(None, None)}


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory in memory where there is such a thing: the sweeps wait for thousands of writes otherwise."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as path:
        yield Path(path)


@pytest.fixture(params=["user", "project"])
def paths(request: pytest.FixtureRequest, place: Path) -> tuple[str, str]:
    user = str(place / "home")
    return user if request.param == "user" else str(place / "project"), user


def start(call: str) -> "subprocess.Popen[str]":
    program = f"from tests.adapters.test_sign_in_files_faults import *; {call}"
    return subprocess.Popen(
        [sys.executable, "-c", program], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def killed_at(moment: int, act: Callable[[], object]) -> bool:
    """Let another process act and be killed after its `moment`th system call, and say whether it got that far."""
    process = os.fork()
    if process == 0:
        passed = 0

        def look() -> None:
            nonlocal passed
            passed += 1
            if passed == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        watched(act, look)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


def kill_at_moments(path: str, user_path: str, way: str, step: int) -> None:
    """Act, killed at every `step`th system call in turn; after each, look what is found, and write again."""
    subject = Subject(path, user_path)
    seen: set[Found] = set()
    moment = 1
    while killed_at(moment, getattr(subject, way)):
        found = subject.found()
        assert found in ALLOWED[way], (moment, found)
        seen.add(found)
        subject.reset()
        assert subject.found() == WHOLE
        moment += step
    assert subject.found() == LAST[way]
    assert moment > 20
    assert seen == ALLOWED[way] or step > 1  # so every state in between was met


@pytest.mark.parametrize("way", ALLOWED)
@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_any_system_call_nothing_is_lost_torn_or_stuck(paths: tuple[str, str], way: str, step: int) -> None:
    with start(f"kill_at_moments({paths[0]!r}, {paths[1]!r}, {way!r}, {step})") as killing:
        assert killing.wait() == 0


def kill_at_random(path: str, user_path: str, kills: int) -> None:
    """Fork renewers and kill each at a random moment; after each, look what is found, and go on from there."""
    subject = Subject(path, user_path)
    sign_in = subject.old._replace(refresh_token=Secret("0"))
    subject.files.keep(subject.directory, sign_in)

    def renew(number: int) -> None:
        nonlocal sign_in
        with subject.files.alone(sign_in, 30):
            sign_in = subject.files.replace_refresh_token(sign_in, Secret(str(number)))
            subject.files.keep_access_token(sign_in, "default", AccessToken(Secret(str(number)), FAR_AWAY))

    last = 0
    for _ in range(kills):
        acknowledged = killed_writer(renew, last)
        found = subject.found()
        assert found.refresh in (str(acknowledged), str(acknowledged + 1))
        assert found.access in (str(acknowledged), str(acknowledged + 1), None if acknowledged == 0 else found.refresh)
        last = int(found.refresh) + 1
        sign_in = sign_in._replace(refresh_token=Secret(found.refresh))
        started = time.monotonic()
        renew(last)
        assert time.monotonic() - started < 20  # the lock is not stuck
        assert subject.found() == Found(str(last), str(last))


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_a_renewer_killed_at_any_moment_leaves_a_sign_in_that_goes_on(paths: tuple[str, str], kills: int) -> None:
    with start(f"kill_at_random({paths[0]!r}, {paths[1]!r}, {kills})") as killing:
        assert killing.wait() == 0


@contextmanager
def descriptors_left(count: int) -> Generator[None]:
    """Leave this process this many descriptors."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limit[1]))
    taken: list[int] = []
    try:
        while True:
            try:
                taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        for _ in range(count):
            os.close(taken.pop())
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


@pytest.mark.parametrize("way", ALLOWED)
def test_short_of_descriptors_it_fails_and_nobody_is_signed_out(paths: tuple[str, str], way: str) -> None:
    subject = Subject(*paths)
    outcomes: set[bool] = set()
    for count in range(8):
        with descriptors_left(count):
            try:
                assert subject.found() == WHOLE
                succeeded = True
            except UnusableSecrets as error:
                assert "too many open files" in error.message  # noqa: PT017 - either way is right
                succeeded = False
            assert succeeded == (count > 0)
            try:
                getattr(subject, way)()
                outcomes.add(True)
            except (StateNotWritable, UnusableSecrets):
                outcomes.add(False)
        assert subject.found() in ALLOWED[way]
        subject.reset()
    assert outcomes == {True, False}


def renew_often(path: str, user_path: str, times: int) -> None:
    """Take the successor of whatever is kept, again and again, alone each time."""
    directory, files = StardagDirectory(path, user_path), SignInFiles(user_path)
    sys.stdin.readline()  # all start together
    for _ in range(times):
        sign_in = files.find(directory, "local", URL)
        assert sign_in is not None
        with files.alone(sign_in, 60):
            current = files.again(sign_in)
            assert current is not None
            number = int(current.refresh_token.reveal()) + 1
            files.replace_refresh_token(current, Secret(str(number)))


@pytest.mark.parametrize(("processes", "times"), [(4, 15), pytest.param(100, 5, marks=pytest.mark.slow)])
def test_of_many_processes_one_at_a_time_renews(paths: tuple[str, str], processes: int, times: int) -> None:
    subject = Subject(*paths)
    subject.files.keep(subject.directory, subject.old._replace(refresh_token=Secret("0")))
    running = [start(f"renew_often({paths[0]!r}, {paths[1]!r}, {times})") for _ in range(processes)]
    try:
        nudge(running)
        assert [process.wait() for process in running] == [0] * processes
    finally:
        stop(running)
    assert subject.found().refresh == str(processes * times)


def hold(path: str, user_path: str) -> None:
    """Be alone with a sign-in until told otherwise."""
    sign_in = SignInFiles(user_path).find(StardagDirectory(path, user_path), "local", URL)
    assert sign_in is not None
    with SignInFiles(user_path).alone(sign_in, 5):
        sys.stdout.write("alone\n")
        sys.stdout.flush()
        sys.stdin.read()


def test_whoever_is_alone_and_dies_makes_way_and_keeps_nobody_from_anything_else(paths: tuple[str, str]) -> None:
    subject = Subject(*paths)
    holder = start(f"hold({paths[0]!r}, {paths[1]!r})")
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "alone\n"
        with pytest.raises(StateNotWritable, match=r"has kept the lock"), subject.files.alone(subject.old, 0.05):
            pass
        with subject.files.alone(subject.old._replace(registry="other"), 0.05):
            subject.sign_in_again()  # signing in does not wait for a renewal
        holder.kill()
        with subject.files.alone(subject.old, 5):
            assert subject.found() == Found("new", None)
    finally:
        stop([holder])


def test_a_forked_child_does_not_wait_for_a_thread_that_did_not_come_along(paths: tuple[str, str]) -> None:
    with start(f"fork_while_alone({paths[0]!r}, {paths[1]!r})") as forking:
        assert forking.wait(60) == 0


def fork_while_alone(path: str, user_path: str) -> None:
    """Fork while another thread is alone with the sign-in; the child gets its turn as soon as that thread is done."""
    subject = Subject(path, user_path)
    held, enough = threading.Event(), threading.Event()

    def keep_alone() -> None:
        with subject.files.alone(subject.old, 5):
            held.set()
            enough.wait(30)

    thread = threading.Thread(target=keep_alone)
    thread.start()
    assert held.wait(30)
    process = os.fork()
    if process == 0:
        with subject.files.alone(subject.old, 20):
            assert subject.found() == WHOLE
        os._exit(0)
    enough.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


def renew_in_threads(path: str, user_path: str, count: int) -> None:
    """Let many threads with few descriptors find the token missing at once; one of them renews."""
    subject = Subject(path, user_path)
    subject.files.keep(subject.directory, subject.old)
    refreshes: list[int] = []
    done: list[int] = []
    together = threading.Event()

    def need_token(number: int) -> None:
        together.wait()
        sign_in = subject.files.find(subject.directory, "local", URL)
        assert sign_in is not None
        if subject.files.access_token(sign_in, "default") is None:
            with subject.files.alone(sign_in, 60):
                current = subject.files.again(sign_in)
                assert current is not None
                if subject.files.access_token(current, "default") is None:
                    refreshes.append(number)
                    successor = subject.files.replace_refresh_token(current, Secret("new"))
                    token = AccessToken(Secret("new-access"), FAR_AWAY)
                    subject.files.keep_access_token(successor, "default", token)
        assert subject.found() == LAST["renew"]
        done.append(number)

    threads = [threading.Thread(target=need_token, args=(number,)) for number in range(count)]
    with descriptors_left(10):
        for thread in threads:
            thread.start()
        together.set()
        for thread in threads:
            thread.join()
    assert (len(refreshes), len(done)) == (1, count)


def test_a_thousand_threads_renew_once_and_need_a_handful_of_descriptors(paths: tuple[str, str]) -> None:
    with start(f"renew_in_threads({paths[0]!r}, {paths[1]!r}, 1000)") as renewing:
        assert renewing.wait() == 0


def nudge(processes: Sequence["subprocess.Popen[str]"]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.close()


def stop(processes: Sequence["subprocess.Popen[str]"]) -> None:
    for process in processes:
        with process:
            process.kill()

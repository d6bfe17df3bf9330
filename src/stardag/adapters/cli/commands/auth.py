"""`stardag auth …`: signing in and out, and the tokens in between."""

import sys
from contextlib import ExitStack
from typing import Annotated

from cyclopts import App, Group, Parameter
from cyclopts.validators import LimitedChoice

from stardag.adapters.cli.answers import Answer, Json
from stardag.adapters.cli.root_changes import changes_data, sync_text
from stardag.adapters.cli.session import DEFAULTS, Options, RegistryOption, Session, SessionArgument
from stardag.adapters.cli.text import table
from stardag.app.log_in import Way
from stardag.app.registry_ports import KeyIdentity
from stardag.app.sign_in.ports import Browser, PendingSignIn
from stardag.app.tell_status import Status
from stardag.domain.credentials import Secret
from stardag.domain.errors import InputNeeded
from stardag.domain.layers import Notice
from stardag.domain.lines import lines, single_line
from stardag.domain.registry_errors import MalformedCredential
from stardag.domain.root_changes import RootChanges
from stardag.domain.sign_in import User

TOKEN_INPUT_MAX = 64 * 1024
"""Of what is read from standard input, in bytes."""

_HANDED_DOWN = (
    "The access token was made by `stardag exec` for the command that it runs. It ends with that command, after twelve "
    "hours at most; when exactly is not known here."
)

_WAYS = Group(validator=LimitedChoice(), show=False)

app = App(name="auth", help_format="plaintext")


@app.command
def login(
    *,
    registry: RegistryOption = None,
    device: Annotated[
        bool, Parameter(negative="", group=_WAYS, help="Sign in on another device, with a code; needs no browser here.")
    ] = False,
    with_token: Annotated[
        bool, Parameter(negative="", group=_WAYS, help="Read a refresh token from standard input.")
    ] = False,
    no_browser: Annotated[
        bool, Parameter(negative="", group=_WAYS, help="Open no browser here, only print the address to open.")
    ] = False,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Sign in to a registry, in a browser; then sync the target roots of the active workspace.

    Without --registry it is the active profile's, else the only one configured, else `central`. Where there is no
    browser, as over SSH, a code is shown that is entered on another device.
    """
    given = _token_on_standard_input(session) if with_token else None
    if given is None and options.no_input:
        raise InputNeeded("A person who signs in", "--with-token", "stardag auth login --with-token < refresh-token")
    use_cases = session.use_cases()
    browser = use_cases.browser()
    way: Way = "device" if device else "browser" if no_browser or browser.is_here() else "either"
    with ExitStack() as stack:
        dialogue = _Dialogue(session, stack, None if no_browser or way != "browser" else browser)
        logged_in = use_cases.log_in()(options.selection(registry), dialogue, way, given)
    url = logged_in.profile.registry_url.value
    at = f"--registry {logged_in.registry}"
    synced = logged_in.synced
    signed_in = f"Signed in to {logged_in.registry!r} ({url}) as {_name_of(logged_in.user)}."
    return Answer(
        data={
            "registry": logged_in.registry,
            "registry_url": url,
            "user": _user_data(logged_in.user),
            **changes_data(synced.changes if synced else RootChanges(), synced is not None and synced.applied),
        },
        text=lines(signed_in, *([sync_text(synced)] if synced else [])),
        notices=logged_in.notices,
        remarks=()
        if logged_in.profile.organization.value
        else [f"Choose where to work: stardag organizations list {at}, then stardag profile add NAME {at}"],
    )


@app.command
def status(*, registry: RegistryOption = None, options: Options = DEFAULTS, session: SessionArgument) -> Answer:
    """Show who is signed in, as far as that can be told without renewing anything. Exits 4 where nobody is."""
    tell = session.use_cases().tell_status()
    with session.waiting("Asking the registry"):
        found = tell(options.selection(registry))
    rows = [(key, value) for key, value in _status_rows(found) if value is not None]
    notices = list(found.profile.notices)
    if found.not_verified is not None:
        notices.append(Notice("not-verified", f"Not verified. {found.not_verified}"))
    remarks = [_HANDED_DOWN] if found.credential == "access-token" else ()
    return Answer(_status_data(found), table(("KEY", "VALUE"), rows), notices, remarks)


@app.command
def logout(
    *,
    registry: RegistryOption = None,
    every: Annotated[bool, Parameter(name="--all", negative="", help="Sign out of every registry.")] = False,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Sign out: revoke the sign-in at its issuer, and delete what is kept of it here."""
    log_out = session.use_cases().log_out()
    with session.waiting("Signing out"):
        profile, gone = log_out(options.selection(registry), every=every)
    notices = [
        Notice("not-revoked", f"Deleted here, but not revoked at the issuer. {each.not_revoked}")
        for each in gone
        if each.not_revoked is not None
    ]
    where = "any registry" if every else profile.registry_url.value
    return Answer(
        data={
            "registries": [
                {"registry": each.registry, "registry_url": each.registry_url, "revoked": each.not_revoked is None}
                for each in gone
            ]
        },
        text=lines(*(f"Signed out of {each.registry!r} ({each.registry_url})." for each in gone)),
        notices=[*profile.notices, *notices],
        remarks=() if gone else [f"Nobody was signed in to {where}."],
    )


@app.command
def token(*, registry: RegistryOption = None, options: Options = DEFAULTS, session: SessionArgument) -> Answer:
    """Print an access token for the active organization, good for some minutes, for scripts.

    It is a secret: whoever has it may do what you may, until it ends.
    """
    tell = session.use_cases().tell_status()
    with session.waiting("Renewing the access token"):
        profile, access_token, expires_at = tell.token(options.selection(registry))
    return Answer(
        data={
            "access_token": access_token.reveal(),
            "expires_at": None if expires_at is None else int(expires_at),
        },
        text=access_token.reveal(),
        notices=profile.notices,
    )


class _Dialogue:
    """What a person sees while signing in, on standard error, since that is no answer."""

    def __init__(self, session: Session, stack: ExitStack, browser: Browser | None) -> None:
        self._session = session
        self._stack = stack
        self._browser = browser

    def signing_in(self, registry: str, registry_url: str, issuer_url: str) -> None:
        """Where it leads."""
        at = "" if issuer_url == registry_url else f", at {issuer_url}"
        _say(f"Signing in to {registry!r} ({registry_url}){at}.")

    def show(self, pending: PendingSignIn) -> None:
        """The page to open; a browser is opened where there is one."""
        if pending.user_code is not None:
            _say(
                f"Open this page on any device that reaches it: {pending.url}",
                f"and make sure that it shows: {pending.user_code}",
            )
        elif self._browser is not None and self._browser.open(pending.url):
            _say("A browser was opened; if it shows nothing, open this page in it:", f"  {pending.url}")
        else:
            _say("Open this page in a browser on this machine:", f"  {pending.url}")
        self._stack.enter_context(self._session.waiting("Waiting for you to sign in"))


def _say(*lines: str) -> None:
    for line in lines:
        sys.stderr.write(f"{single_line(line)}\n")
    sys.stderr.flush()


def _token_on_standard_input(session: Session) -> Secret:
    if sys.stdin.isatty():
        example = "stardag auth login --with-token < file"
        text = session.prompts.secret("A refresh token", option="it on standard input", example=example)
    else:
        text = sys.stdin.buffer.read(TOKEN_INPUT_MAX).decode("ascii", "replace")
    secret = Secret(text.strip())
    if not secret.is_well_formed_token:
        raise MalformedCredential("standard input", "refresh token")
    return secret


def _user_data(user: User) -> Json:
    return {"id": user.id, "username": user.username, "email": user.email}


def _name_of(user: User) -> str:
    return user.username if user.email is None else f"{user.username} ({user.email})"


def _status_data(found: Status) -> dict[str, Json]:
    identity = found.identity
    key = identity if isinstance(identity, KeyIdentity) else None
    return {
        "registry": found.registry,
        "registry_url": found.profile.registry_url.value,
        "credential": found.credential,
        "user": _user_data(found.user) if found.user else None,
        "organization": key.organization_slug if key else found.profile.organization.value,
        "workspace": key.workspace_slug if key else found.profile.workspace.value,
        "verified": identity is not None,
    }


def _status_rows(found: Status) -> list[tuple[str, str | None]]:
    data = _status_data(found)
    at_hand = found.profile.access_token if found.credential == "access-token" else found.profile.api_key
    credential = str(at_hand.origin) if found.sign_in is None else f"signed in ({found.sign_in.registry})"
    return [
        ("registry", None if data["registry"] is None else str(data["registry"])),
        ("registry_url", str(data["registry_url"])),
        ("credential", credential),
        ("user", _name_of(found.user) if found.user else None),
        ("organization", None if data["organization"] is None else str(data["organization"])),
        ("workspace", None if data["workspace"] is None else str(data["workspace"])),
        ("verified", "yes" if data["verified"] else "no"),
    ]

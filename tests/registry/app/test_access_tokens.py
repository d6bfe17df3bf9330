"""Access tokens: made by members for themselves, so many, good for a while, and revoked at once."""

from datetime import timedelta
from typing import cast

import pytest

from stardag.domain.organizations import Role
from stardag_registry.app.builds import NewBuild
from stardag_registry.app.credentials import Authenticate
from stardag_registry.app.organization_tokens import OrganizationTokens
from stardag_registry.domain.access_tokens import MAX_ACCESS_TOKENS, make_access_token_secret
from stardag_registry.domain.errors import InvalidField, NotAllowed, NotFound, TooMany, Unauthenticated
from stardag_registry.domain.made_secrets import ENTROPY_BYTES
from stardag_registry.domain.permissions import MemberCaller
from stardag_registry.domain.users import Claims
from tests.registry.app.scene import ROOTS, Team

TEN_MINUTES = 600


def token_id(caller: MemberCaller) -> str:
    assert caller.access_token is not None
    return caller.access_token.id


class TestMaking:
    @pytest.mark.parametrize("role", ["member", "admin", "owner"])
    def test_it_is_its_user_as_a_member_and_its_secret_is_kept_nowhere(self, team: Team, role: Role) -> None:
        user = team.member(role, "sam")
        made, secret = team.access_tokens.make(user, "acme", TEN_MINUTES)
        caller = team.authenticate_access_token(secret.text)
        assert (caller.user, caller.organization, caller.membership.role) == (user.user, team.acme, "member")
        assert caller.access_token == made
        assert (made.made_at, made.expires_at) == (team.clock(), team.clock() + timedelta(minutes=10))
        for shown in (repr(team.audit()), repr(secret), repr(caller)):
            assert secret.text not in shown
            assert secret.fingerprint not in shown

    def test_only_a_member_who_has_signed_in_makes_one(self, team: Team) -> None:
        for caller in (team.key("administer"), team.lent_by(team.owner)):
            with pytest.raises(NotAllowed):
                team.access_tokens.make(caller, "acme", TEN_MINUTES)
        with pytest.raises(NotFound):
            team.access_tokens.make(team.plain, "other", TEN_MINUTES)

    @pytest.mark.parametrize("seconds", [-1, 0, 43201, 2**63])
    def test_a_lifetime_that_cannot_be_one_is_refused(self, team: Team, seconds: int) -> None:
        with pytest.raises(InvalidField, match=r"body\.lifetime_seconds"):
            team.access_tokens.make(team.plain, "acme", seconds)
        assert team.actions() == []

    def test_so_many_count_at_once(self, team: Team) -> None:
        first, _ = team.access_tokens.make(team.plain, "acme", 60)
        for _ in range(MAX_ACCESS_TOKENS - 1):
            team.access_tokens.make(team.plain, "acme", TEN_MINUTES)
        with pytest.raises(TooMany, match="at most 100 access tokens"):
            team.access_tokens.make(team.plain, "acme", TEN_MINUTES)
        team.access_tokens.make(team.owner, "acme", TEN_MINUTES)  # whose are others
        team.access_tokens.revoke(team.plain, "acme", first.id)
        second, _ = team.access_tokens.make(team.plain, "acme", 60)
        with pytest.raises(TooMany):
            team.access_tokens.make(team.plain, "acme", TEN_MINUTES)
        team.clock.move(timedelta(minutes=1))
        team.access_tokens.make(team.plain, "acme", TEN_MINUTES)
        for forgotten in (first, second):  # since they have expired
            with team.database.reading() as reading:
                assert reading.holder_by_token_id(forgotten.id) is None

    def test_in_another_organization_they_count_apart(self, team: Team) -> None:
        other, user = team.furnish.organization("other"), team.plain.user
        with team.database.transaction() as transaction:
            transaction.add_member(other.id, user.id, "owner", team.clock())
        there = team.again(user, other)
        for _ in range(MAX_ACCESS_TOKENS):
            team.access_tokens.make(team.plain, "acme", TEN_MINUTES)
        assert team.lent_by(there).organization == other


class TestBeingOne:
    def test_it_runs_builds_and_changes_nothing_else(self, team: Team) -> None:
        lent = team.lent_by(team.owner)
        shown, _ = team.register_build(lent, team.production.id, NewBuild(ROOTS), None)
        assert shown.build.maker == "olivia"
        assert team.run_build.heartbeat(lent, team.production.id, shown.build.id).status == "running"
        team.run_build.end(lent, team.production.id, shown.build.id, "completed", None)
        for forbidden in (
            lambda: team.edit_target_roots.add(lent, team.production.id, "more", "/more"),
            lambda: team.api_keys.make(lent, team.production.id, "CI", "build", None),
            lambda: team.invite(lent, "acme", "sue@acme.example", "member"),
            lambda: team.edit_organization.remove(lent, "acme", lent.user.id),
            lambda: team.edit_organization.delete(lent, "acme"),
            lambda: team.edit_workspaces.add(lent, "acme", "dev", "Dev", ""),
            lambda: team.make_organization(lent, "other", "Other"),
            lambda: team.accept(lent, "x" * 43),
        ):
            with pytest.raises(NotAllowed, match="somebody who has signed in"):
                forbidden()

    def test_its_users_own_workspace_is_not_administered_by_it(self, team: Team) -> None:
        team.make_personal_workspace(team.plain.user, team.acme, "")
        with team.database.reading() as reading:
            own = reading.personal_workspace(team.acme.id, team.plain.user.id)
        assert own is not None
        lent = team.lent_by(team.plain)
        assert team.register_build(lent, own.id, NewBuild({}), None)[1]
        with pytest.raises(NotAllowed):
            team.edit_target_roots.add(lent, own.id, "more", "/more")
        team.edit_target_roots.add(team.plain, own.id, "more", "/more")

    def test_it_counts_until_it_expires(self, team: Team) -> None:
        _, secret = team.access_tokens.make(team.plain, "acme", TEN_MINUTES)
        lent = team.authenticate_access_token(secret.text)
        team.clock.move(timedelta(minutes=10) - timedelta(microseconds=1))
        team.authenticate_access_token(secret.text)
        team.clock.move(timedelta(microseconds=1))
        with pytest.raises(Unauthenticated):
            team.authenticate_access_token(secret.text)
        with pytest.raises(Unauthenticated):  # shown in time, and looked at once more
            team.register_build(lent, team.production.id, NewBuild(ROOTS), None)

    def test_whoever_is_removed_takes_theirs_along_for_good(self, team: Team) -> None:
        _, secret = team.access_tokens.make(team.plain, "acme", TEN_MINUTES)
        lent = team.authenticate_access_token(secret.text)
        team.edit_organization.remove(team.admin, "acme", team.plain.user.id)
        with pytest.raises(Unauthenticated):
            team.authenticate_access_token(secret.text)
        with pytest.raises(Unauthenticated):
            team.register_build(lent, team.production.id, NewBuild(ROOTS), None)
        with team.database.transaction() as transaction:
            transaction.add_member(team.acme.id, team.plain.user.id, "member", team.clock())
        with pytest.raises(Unauthenticated):
            team.authenticate_access_token(secret.text)

    def test_none_outlives_its_organization(self, team: Team) -> None:
        _, secret = team.access_tokens.make(team.plain, "acme", TEN_MINUTES)
        team.edit_organization.delete(team.owner, "acme")
        with pytest.raises(Unauthenticated):
            team.authenticate_access_token(secret.text)

    @pytest.mark.parametrize("credential", ["", "stardag_access_", "stardag_access_" + "0" * 34, "\ud800"])
    def test_what_was_never_made_is_no_credential(self, team: Team, credential: str) -> None:
        never = make_access_token_secret(b"x" * ENTROPY_BYTES).text
        for each in (credential, never, never + "\n"):
            with pytest.raises(Unauthenticated):
                team.authenticate_access_token(each)


class IssuerThatIsAsked:
    """An issuer whose tokens say nothing, so that it is asked about whatever may be one."""

    issuer = "https://issuer.example"
    client_id = "stardag"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def check(self) -> None: ...

    def subject_of(self, access_token: str) -> str | None:
        self.asked.append(access_token)
        raise Unauthenticated

    def look_up_subject(self, access_token: str) -> str:
        raise AssertionError(access_token)

    def claims_in(self, id_token: str, access_token: str, subject: str | None) -> Claims:
        raise AssertionError(id_token)


def test_the_issuer_is_shown_no_token_of_the_registrys(team: Team) -> None:
    issuer, nobody = IssuerThatIsAsked(), cast("OrganizationTokens", None)
    authenticate = Authenticate(team.database, team.authenticate, team.authenticate_access_token, nobody, issuer)
    _, secret = team.access_tokens.make(team.plain, "acme", TEN_MINUTES)
    with pytest.raises(Unauthenticated):
        authenticate.issuer(secret.text)
    assert authenticate.anyone(secret.text) == team.authenticate_access_token(secret.text)
    team.clock.move(timedelta(minutes=10))
    with pytest.raises(Unauthenticated):
        authenticate.anyone(secret.text)
    assert issuer.asked == []
    with pytest.raises(Unauthenticated):
        authenticate.issuer("something opaque")
    assert issuer.asked == ["something opaque"]


class TestRevoking:
    def test_it_is_no_credential_from_that_moment_on(self, team: Team) -> None:
        made, secret = team.access_tokens.make(team.plain, "acme", TEN_MINUTES)
        lent = team.authenticate_access_token(secret.text)
        team.access_tokens.revoke(team.plain, team.acme.id, made.id.upper())
        with pytest.raises(Unauthenticated):
            team.authenticate_access_token(secret.text)
        with pytest.raises(Unauthenticated):
            team.register_build(lent, team.production.id, NewBuild(ROOTS), None)

    def test_it_may_revoke_itself_and_no_other(self, team: Team) -> None:
        first, second = team.lent_by(team.plain), team.lent_by(team.plain)
        for unfit in (token_id(second), token_id(team.lent_by(team.owner)), "x"):
            with pytest.raises(NotAllowed):
                team.access_tokens.revoke(first, "acme", unfit)
        team.access_tokens.revoke(first, "acme", token_id(first))
        with pytest.raises(Unauthenticated):
            team.access_tokens.revoke(first, "acme", token_id(first))
        team.access_tokens.revoke(team.plain, "acme", token_id(second))

    def test_once_more_or_too_late_changes_nothing(self, team: Team) -> None:
        first, _ = team.access_tokens.make(team.plain, "acme", TEN_MINUTES)
        second, _ = team.access_tokens.make(team.plain, "acme", TEN_MINUTES)
        for _ in range(2):
            team.access_tokens.revoke(team.plain, "acme", first.id)
        team.clock.move(timedelta(hours=1))
        team.access_tokens.revoke(team.plain, "acme", first.id)
        team.access_tokens.revoke(team.plain, "acme", second.id)
        assert team.actions() == ["access-token.created", "access-token.created", "access-token.revoked"]

    def test_somebody_elses_is_not_there(self, team: Team) -> None:
        theirs = token_id(team.lent_by(team.plain))
        for wanted in (theirs, "", "x", "\ud800", team.acme.id):
            with pytest.raises(NotFound):
                team.access_tokens.revoke(team.owner, "acme", wanted)
        with pytest.raises(NotAllowed):
            team.access_tokens.revoke(team.key("administer"), "acme", theirs)
        assert team.actions() == ["access-token.created"]


def test_the_audit_tells_what_was_done_with_one(team: Team) -> None:
    lent = team.lent_by(team.owner)
    team.register_build(lent, team.production.id, NewBuild(ROOTS), None)
    team.access_tokens.revoke(lent, "acme", token_id(lent))
    made, registered, revoked = team.audit()
    assert (made.action, made.subject, made.credential) == (
        "access-token.created",
        token_id(lent),
        "organization token",
    )
    assert (registered.credential, registered.actor) == ("stardag access token", "olivia")
    assert (registered.user_id, registered.address) == (team.owner.user.id, lent.address)
    assert (revoked.action, revoked.subject, revoked.credential) == (
        "access-token.revoked",
        token_id(lent),
        "stardag access token",
    )

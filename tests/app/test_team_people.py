"""Organizations that are made and joined, and the members of one, as a person or a script would have it."""

import pytest

from stardag.domain.credentials import Secret
from stardag.domain.errors import InvalidName, MissingSetting, NotAllowed
from stardag.domain.members import Invitation, Member, parse_invitation_link
from stardag.domain.profile import NO_SELECTION, Selection
from stardag.domain.refusals import AmbiguousName, InvitationGone, LastOwner, UnusableLink
from stardag.domain.registry_errors import NotKnownToRegistry, NotSignedIn, RegistryUnreachable
from tests.app.world import World
from tests.fakes.environment import FakeEnvironment

OWNER, BOB = "owner@acme.example", "bob@acme.example"
TOKEN = "x" * 43


@pytest.fixture
def world() -> World:
    """The owner of the organization is signed in."""
    world = World()
    world.signed_in(OWNER, "owner")
    return world


def invited(world: World, email: str) -> Secret:
    return world.edit_members.invite(NO_SELECTION, email, "member").value.link


class TestJoining:
    def test_an_organization_is_made_as_the_user(self, world: World) -> None:
        made, registry = world.join_organizations.create(NO_SELECTION, "acme", "Acme").value
        assert (made.slug, made.name, made.role, registry) == ("acme", "Acme", "owner", "local")
        assert world.registry.requests == ["POST /organizations"]

    def test_an_api_key_stays_at_home_whatever_names_it(self, world: World) -> None:
        world.environment = FakeEnvironment(api_key=world.registry.owner_key.reveal())
        assert world.join_organizations.create(NO_SELECTION, "acme", None).value.organization.role == "owner"

    def test_without_a_sign_in_nothing_is_sent_and_the_command_to_sign_in_is_said(self, world: World) -> None:
        world.sign_ins.remove(world.sign_ins.all_in(world.directory)[0])
        world.environment = FakeEnvironment(api_key=world.registry.owner_key.reveal())
        with pytest.raises(NotSignedIn) as caught:
            world.join_organizations.create(NO_SELECTION, "acme", None)
        assert "stardag auth login --registry local" in caught.value.fix
        assert world.registry.requests == []

    @pytest.mark.parametrize("slug", ["No Slug", "", "a__b", "6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11"])
    def test_what_cannot_be_a_slug_is_not_sent(self, world: World, slug: str) -> None:
        with pytest.raises(InvalidName):
            world.join_organizations.create(NO_SELECTION, slug, None)
        assert world.registry.requests == []

    def test_offline_nobody_is_asked(self, world: World) -> None:
        with pytest.raises(RegistryUnreachable):
            world.join_organizations.create(Selection(offline=True), "acme", None)

    def test_an_invitation_is_accepted(self, world: World) -> None:
        link = invited(world, BOB)
        world.signed_in(BOB)
        del world.registry.members[next(iter(world.registry.organizations)), world.registry.users[BOB].id]
        joined = world.join_organizations.accept(NO_SELECTION, Secret(f"  {link.reveal()}\n")).value.organization
        assert (joined.slug, joined.role) == ("default", "member")
        with pytest.raises(InvitationGone):
            world.join_organizations.accept(NO_SELECTION, link)

    @pytest.mark.parametrize(
        "origin", ["http://localhost:8001", "https://localhost:8000", "http://localhost.evil.example:8000"]
    )
    def test_the_link_of_another_registry_is_sent_nowhere(self, world: World, origin: str) -> None:
        world.forget_requests()
        with pytest.raises(UnusableLink) as caught:
            world.join_organizations.accept(NO_SELECTION, Secret(f"{origin}/invitation?token={TOKEN}"))
        assert origin in caught.value.message
        assert world.registry.url in caught.value.message
        assert f"stardag registry add NAME --url {origin}" in caught.value.fix
        assert TOKEN not in caught.value.message + caught.value.fix
        assert (world.registry.requests, world.registries.connected) == ([], [])

    @pytest.mark.parametrize(
        "link",
        [
            "",
            TOKEN,
            f"localhost:8000/invitation?token={TOKEN}",
            f"ftp://localhost:8000/invitation?token={TOKEN}",
            f"http://user:pass@localhost:8000/invitation?token={TOKEN}",
            "http://localhost:8000/invitation",
            "http://localhost:8000/invitation?token=",
            "http://localhost:8000/invitation?token=short",
            f"http://localhost:8000/invitation?token={TOKEN}&token={TOKEN}",
            f"http://localhost:8000/invitation?token={TOKEN}%0a",
            f"http://localhost:99999999/invitation?token={TOKEN}",
            f"http://[localhost/invitation?token={TOKEN}",
            f"http://localhost:8000/invitation?token={'x' * 5000}",
            "http://löcalhost:8000/invitation?token=xxxxxxxxxxxxxxx",
        ],
    )
    def test_what_is_no_link_is_sent_nowhere_and_not_repeated(self, world: World, link: str) -> None:
        with pytest.raises(UnusableLink) as caught:
            world.join_organizations.accept(NO_SELECTION, Secret(link))
        assert TOKEN not in caught.value.message + caught.value.fix
        assert world.registry.requests == []

    def test_the_secret_of_a_link_shows_in_no_repr(self) -> None:
        assert TOKEN not in repr(parse_invitation_link(f"http://localhost:8000/invitation?token={TOKEN}"))


class TestMembers:
    def test_they_are_listed_by_role(self, world: World) -> None:
        organization = next(iter(world.registry.organizations.values()))
        world.registry.add_user(BOB, organization)
        reply = world.edit_members.members(NO_SELECTION)
        assert [(member.username, member.role) for member in reply.value] == [("bob", "member"), ("owner", "owner")]
        assert reply.place == "default"
        assert [member.username for member in world.edit_members.members(NO_SELECTION, "owner").value] == ["owner"]

    def test_the_invited_are_listed_by_role(self, world: World) -> None:
        invited(world, BOB)
        world.edit_members.invite(NO_SELECTION, "carol@acme.example", "admin")
        assert [each.email for each in world.edit_members.invitations(NO_SELECTION).value] == [
            BOB,
            "carol@acme.example",
        ]
        assert [each.email for each in world.edit_members.invitations(NO_SELECTION, "member").value] == [BOB]

    @pytest.mark.parametrize("spelling", ["bob", "Bob", "bob@acme.example", "BOB@acme.example", "id"])
    def test_a_member_is_named_by_username_address_or_id(self, world: World, spelling: str) -> None:
        user = world.registry.add_user(BOB, next(iter(world.registry.organizations.values())))
        reference = user.id if spelling == "id" else spelling
        changed = world.edit_members.set_role(NO_SELECTION, reference, "admin").value
        assert (changed.member.username, changed.old, changed.member.role) == ("bob", "member", "admin")
        removed = world.edit_members.remove(NO_SELECTION, reference, confirmed=True).value
        assert isinstance(removed, Member)
        assert [member.username for member in world.edit_members.members(NO_SELECTION).value] == ["owner"]

    def test_removing_somebody_who_is_only_invited_withdraws_the_invitation(self, world: World) -> None:
        invited(world, BOB)
        removed = world.edit_members.remove(NO_SELECTION, BOB, confirmed=True).value
        assert isinstance(removed, Invitation)
        assert world.edit_members.invitations(NO_SELECTION).value == ()

    def test_who_is_neither_member_nor_invited_is_named_with_the_nearest(self, world: World) -> None:
        for call in (
            lambda: world.edit_members.remove(NO_SELECTION, "ownr", confirmed=True),
            lambda: world.edit_members.set_role(NO_SELECTION, "ownr", "admin"),
        ):
            with pytest.raises(NotKnownToRegistry, match="Did you mean 'owner'") as caught:
                call()
            assert caught.value.fix.endswith("stardag members list")

    def test_an_address_that_two_members_have_names_none_of_them(self, world: World) -> None:
        organization = next(iter(world.registry.organizations.values()))
        user = world.registry.add_user(BOB, organization)
        twin = world.registry.add_user("robert@acme.example", organization)
        world.registry.users["robert@acme.example"] = twin._replace(email=BOB)
        with pytest.raises(AmbiguousName) as caught:
            world.edit_members.remove(NO_SELECTION, BOB, confirmed=True)
        assert set(caught.value.ids) == {user.id, twin.id}
        assert len(world.edit_members.members(NO_SELECTION).value) == 3

    def test_the_last_owner_stays(self, world: World) -> None:
        with pytest.raises(LastOwner):
            world.edit_members.remove(NO_SELECTION, "owner", confirmed=True)

    def test_an_organization_has_to_be_named_and_a_key_has_its_own(self, world: World) -> None:
        world.files.user = {"registry": {"local": {"url": world.registry.url}}}
        with pytest.raises(MissingSetting) as caught:
            world.edit_members.members(Selection(registry="local"))
        assert caught.value.key == "organization"
        world.environment = FakeEnvironment(api_key=world.registry.owner_key.reveal())
        with pytest.raises(NotAllowed, match="a member of the organization who has signed in"):
            world.edit_members.members(Selection(registry="local"))

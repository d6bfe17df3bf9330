"""Becoming a member: of an organization that one makes, or that one was invited to (readings, section 7).

No API key does this: it takes the sign-in of a person, before any organization.
"""

from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.choose_registry import ChooseRegistry
from stardag.app.connect import OpenRegistry
from stardag.app.team.reply import Reply
from stardag.domain.credentials import Secret
from stardag.domain.members import parse_invitation_link
from stardag.domain.names import check_slug
from stardag.domain.organizations import Organization
from stardag.domain.profile import Selection
from stardag.domain.refusals import UnusableLink
from stardag.domain.registry_url import origin_of


class Joined(NamedTuple):
    """An organization that one belongs to now, and what its registry is called in the configuration."""

    organization: Organization
    registry: str


@dataclass(frozen=True, slots=True)
class JoinOrganizations:
    """Makes organizations, and accepts invitations.

    Raises:
        NotSignedIn: nobody is signed in to the registry.
        and whatever ChooseRegistry, OpenRegistry and the calls of OrganizationsApi raise.
    """

    choose_registry: ChooseRegistry
    open_registry: OpenRegistry

    def create(self, selection: Selection, slug: str, name: str | None) -> Reply[Joined]:
        """Make an organization, which the user owns.

        Raises:
            InvalidName: the slug cannot be one.
        """
        check_slug("organization", slug)
        profile, registry = self.choose_registry(selection)
        made = self.open_registry.as_user(profile, registry).make_organization(slug, name)
        return Reply(Joined(made, registry), profile.registry_url.value, made.slug, profile.notices)

    def accept(self, selection: Selection, link: Secret) -> Reply[Joined]:
        """Accept the invitation that a link is for. Its secret goes to the registry that made it alone.

        Raises:
            UnusableLink: it is none, or leads to another registry than the selected one; nothing was sent.
        """
        invitation = parse_invitation_link(link.reveal())
        profile, registry = self.choose_registry(selection)
        url = profile.registry_url.value
        if invitation.origin != origin_of(url):
            raise UnusableLink(
                f"it leads to {invitation.origin}, and the registry {registry!r} is {url}; nothing was sent",
                f"Name the registry of the link with --registry, or add it first: stardag registry add NAME --url "
                f"{invitation.origin}",
            )
        joined = self.open_registry.as_user(profile, registry).accept_invitation(invitation.token)
        return Reply(Joined(joined, registry), url, joined.slug, profile.notices)

"""People: who belongs to an organization, who is invited to it, and the links that invitations are accepted by."""

import re
from datetime import datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from stardag.domain.credentials import Secret
from stardag.domain.errors import InvalidValue
from stardag.domain.organizations import Role
from stardag.domain.refusals import UnusableLink
from stardag.domain.registry_url import normal_url, origin_of

LINK_MAX_LENGTH = 4096
"""In characters."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,200}")


class Member(NamedTuple):
    """Somebody who belongs to an organization, `since` when, and what they are in it."""

    id: str
    username: str
    email: str | None
    role: Role
    since: datetime

    def is_meant_by(self, reference: str) -> bool:
        """Whether this is the username, the e-mail address or the id of the member."""
        return reference.lower() in (self.id, self.username, self.email and self.email.lower())


class Invitation(NamedTuple):
    """An invitation that nobody has accepted yet. `maker` is what whoever made it was called."""

    id: str
    email: str
    role: Role
    made_at: datetime
    expires_at: datetime
    maker: str

    def is_meant_by(self, reference: str) -> bool:
        """Whether this is the address that was invited, or the invitation's id."""
        return reference.lower() in (self.id, self.email.lower())


class MadeInvitation(NamedTuple):
    """An invitation that has just been made, with its link, which is shown this once."""

    invitation: Invitation
    link: Secret


class InvitationLink(NamedTuple):
    """What the link of an invitation says: the origin of the registry that made it, and the secret at its end."""

    origin: str
    token: Secret


def parse_invitation_link(link: str) -> InvitationLink:
    """Read the link of an invitation.

    Raises:
        UnusableLink: it can be none. The error repeats nothing of it.
    """
    text = link.strip()
    if not text.isascii() or len(text) > LINK_MAX_LENGTH:
        raise UnusableLink("it is no address of a registry's page")
    try:
        parts = urlsplit(text)
        url = normal_url(f"{parts.scheme}://{parts.netloc}")
    except (ValueError, InvalidValue):
        raise UnusableLink("it is no address of a registry's page") from None
    tokens = [value for name, value in parse_qsl(parts.query) if name == "token"]
    if len(tokens) != 1 or not _TOKEN.fullmatch(tokens[0]):
        raise UnusableLink("the secret at its end is missing or broken off")
    return InvitationLink(origin_of(url), Secret(tokens[0]))

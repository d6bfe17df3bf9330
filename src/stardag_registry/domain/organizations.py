"""Organizations and their workspaces as the registry keeps them (guide, "Conceptual Model")."""

from dataclasses import dataclass, field
from datetime import datetime

from stardag.domain.names import check_slug
from stardag.domain.organizations import PERSONAL_PREFIX, is_personal_slug
from stardag_registry.domain.errors import InvalidField
from stardag_registry.domain.texts import check_text

DISPLAY_NAME_MAX_LENGTH = 100
"""In characters."""

DESCRIPTION_MAX_LENGTH = 2000
"""In characters."""


@dataclass(frozen=True, slots=True)
class Organization:
    """A team that shares workspaces. Its slug is unique in the registry.

    Raises:
        InvalidName, InvalidField: on construction from what cannot be one.
    """

    id: str
    slug: str
    name: str

    def __post_init__(self) -> None:
        check_slug("organization", self.slug)
        check_display_name(self.name)

    def is_meant_by(self, reference: str) -> bool:
        """Whether `reference` is its slug or its id."""
        return reference == self.slug or reference.lower() == self.id


@dataclass(frozen=True, slots=True)
class Workspace:
    """A project or stage of an organization. Its slug is unique in the organization.

    `owner_id` is the user whose personal workspace it is; None for one that all members share. One that is archived is
    read as before, and nothing is built or changed in it. `target_roots_version` is another after every change to its
    target roots, and never again what it was; it is not compared.

    Raises:
        InvalidName, InvalidField: on construction from what cannot be one.
    """

    id: str
    organization_id: str
    slug: str
    name: str
    description: str = ""
    owner_id: str | None = None
    archived_at: datetime | None = None
    target_roots_version: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        check_slug("workspace", self.slug)
        check_display_name(self.name)
        check_text("body.description", self.description, DESCRIPTION_MAX_LENGTH)


def check_shared_slug(slug: str) -> str:
    """Return `slug`, which a person may choose for a workspace.

    Raises:
        InvalidField: it is kept for personal workspaces.
    """
    if is_personal_slug(slug):
        raise InvalidField("body.slug", f"slugs that begin with '{PERSONAL_PREFIX}' are kept for personal workspaces")
    return slug


def check_display_name(value: str) -> str:
    """Return `value`, a name for people: of organizations, workspaces and API keys.

    Raises:
        InvalidField: it is empty, too long, begins or ends with a blank, or holds control characters.
    """
    if not value or len(value) > DISPLAY_NAME_MAX_LENGTH:
        raise InvalidField("body.name", f"a name has 1 to {DISPLAY_NAME_MAX_LENGTH} characters")
    if value != value.strip() or not value.isprintable():
        raise InvalidField("body.name", "a name has no control characters, and no blank at either end")
    return value

"""Organizations and their workspaces as the registry keeps them (guide, "Conceptual Model")."""

from dataclasses import dataclass

from stardag.domain.names import check_slug
from stardag_registry.domain.errors import InvalidField

DISPLAY_NAME_MAX_LENGTH = 100
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

    Raises:
        InvalidName, InvalidField: on construction from what cannot be one.
    """

    id: str
    organization_id: str
    slug: str
    name: str

    def __post_init__(self) -> None:
        check_slug("workspace", self.slug)
        check_display_name(self.name)


def check_display_name(value: str) -> str:
    """Return `value`, a name for people: of organizations, workspaces and API keys.

    Raises:
        InvalidField: it is empty, too long, begins or ends with a blank, or holds control characters.
    """
    if not value or len(value) > DISPLAY_NAME_MAX_LENGTH:
        raise InvalidField("name", f"a name has 1 to {DISPLAY_NAME_MAX_LENGTH} characters")
    if value != value.strip() or not value.isprintable():
        raise InvalidField("name", "a name has no control characters, and no blank at either end")
    return value

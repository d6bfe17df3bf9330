"""Which organization a signed-in user's token has to be for."""

from stardag.domain.errors import MissingSetting
from stardag.domain.profile import ActiveProfile


def organization_of(profile: ActiveProfile) -> str:
    """The profile's organization, by slug where that is known: cached tokens are kept under it.

    Raises:
        MissingSetting: none is named.
    """
    if profile.identity is not None:
        return profile.identity.organization_slug
    if profile.organization.value is None:
        note = "A signed-in user may belong to several: stardag organizations list"
        raise MissingSetting("organization", "STARDAG_ORGANIZATION_ID", note)
    return profile.organization.value

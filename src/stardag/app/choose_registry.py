"""Which registry `stardag auth …` is about: the flag, else the active profile's, else the only one configured, else
`central` (readings, section 5)."""

from dataclasses import dataclass

from stardag.app.ports import ConfigurationFiles
from stardag.app.resolve_profile import ResolveProfile
from stardag.domain.layers import Layer
from stardag.domain.profile import ActiveProfile, Selection
from stardag.domain.registry_errors import UnnamedRegistry


@dataclass(frozen=True, slots=True)
class ChooseRegistry:
    """Resolves with that registry."""

    resolve: ResolveProfile
    files: ConfigurationFiles

    def __call__(self, selection: Selection) -> tuple[ActiveProfile, str]:
        """The profile, and the name of its registry.

        Raises:
            UnnamedRegistry: a variable gives an address that no configured registry has.
            and whatever ResolveProfile raises.
        """
        profile = self.resolve(selection)
        if profile.registry.origin.layer is Layer.DEFAULT:
            file = self.files.read().file
            names = list(file.configuration.registries) if file is not None else []
            if len(names) == 1:
                profile = self.resolve(selection._replace(registry=names[0]))
        if profile.registry.value is None:
            raise UnnamedRegistry(profile.registry_url.value, str(profile.registry_url.origin))
        return profile, profile.registry.value

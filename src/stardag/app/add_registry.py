"""Adding a registry to the configuration file in force: the address of one of its pages is corrected, and what answers
there has to be a registry."""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.configuration_files import Edit, FileRead
from stardag.app.connect import OpenRegistry
from stardag.app.edit_configuration import resolve_without_profile
from stardag.app.ports import ConfigurationFiles, EnvironmentVariables
from stardag.domain.configuration import Registry
from stardag.domain.errors import ConfirmationNeeded, InvalidValue
from stardag.domain.layers import Notice
from stardag.domain.profile import ActiveProfile, Selection
from stardag.domain.registry_errors import RegistryUnreachable, UnexpectedAnswer, UnusableSecrets
from stardag.domain.registry_url import addresses_above, is_plain_beyond_loopback, without_route


class AddedRegistry(NamedTuple):
    """A registry as it is in the file now, and whether the file was any different before.

    `has_credential` says whether there is a sign-in for it, or a key in the environment.
    """

    path: str
    registry: Registry
    changed: bool
    has_credential: bool
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class AddRegistry:
    """Adds a registry to the file in force, or changes its address where that is asked for."""

    environment: EnvironmentVariables
    files: ConfigurationFiles
    open_registry: OpenRegistry

    def __call__(
        self,
        name: str,
        url: str,
        *,
        overwrite: bool = False,
        force: bool = False,
        allow_http: bool = False,
        offline: bool = False,
    ) -> AddedRegistry:
        """Add. `force` adds what is no registry; `allow_http` permits plain http to it from now on; where the
        address needs no permission, none is written.

        Raises:
            InvalidName, InvalidValue: the name or URL cannot be one, or the URL is plain http that nothing permits.
            ConfirmationNeeded: the name exists with another URL, and `overwrite` is not set; or what answers at the
                URL is no registry, and `force` is not set.
            and whatever ConfigurationFiles.read and edit raise.
        """
        pasted = url.strip()
        address = without_route(pasted)
        registry = Registry(name, address)
        if is_plain_beyond_loopback(registry.url):
            registry = Registry(name, address, allow_http)
        read = self.files.read()
        profile = resolve_without_profile(self.environment, read, Selection(offline=offline))
        self._check_transport(registry)
        path = self.files.find().in_force
        existing = read.file.configuration.registries.get(name) if read.file else None
        unused = () if registry.allow_http or not allow_http else (_without_effect(registry),)
        if existing is not None and existing.url == registry.url and (existing.allow_http or not registry.allow_http):
            return self._added(path, existing, read, profile, changed=False, notices=unused)
        if existing is not None and existing.url != registry.url and not overwrite:
            raise ConfirmationNeeded(f"The registry {name!r} is already {existing.url} in {path}.", "--replace")
        found, of_check = self._look(registry, profile, force=force)
        notices = (*unused, *of_check)
        if address != pasted or found != registry:
            notices = (*notices, _correction(pasted, found))
        allowed = True if found.allow_http else None
        path = self.files.edit([Edit(("registry", name), {"url": found.url, "allow_http": allowed})])
        return self._added(path, found, read, profile, changed=True, notices=notices)

    def _check_transport(self, registry: Registry) -> None:
        """Make sure that plain http beyond loopback is permitted, or is being permitted in the user's own file."""
        if not is_plain_beyond_loopback(registry.url):
            return
        files = self.files.find()
        if not registry.allow_http:
            try:
                self.open_registry.check_transport(registry.url)
            except InvalidValue as error:
                fix = "Use https, or permit it with --allow-http where nobody else can listen on that network."
                problem = "plain http would send credentials readable over the network"
                raise InvalidValue(error.kind, registry.url, problem, fix) from None
        elif files.project is not None:
            raise InvalidValue(
                "registry URL",
                registry.url,
                f"plain http is permitted in the user's own file alone, and {files.project} is in force here",
                f"Use https, or add it to {files.user} first: run this command outside of the project.",
            )

    def _look(self, registry: Registry, profile: ActiveProfile, *, force: bool) -> tuple[Registry, tuple[Notice, ...]]:
        """The registry at the address, or above it, and what a person should hear of that."""
        if profile.offline.value:
            return registry, (_unchecked(f"{profile.offline.origin} asks to work offline."),)
        try:
            instead = self._what_answers(registry.url, profile)
            if instead is None:
                return registry, ()
        except (RegistryUnreachable, UnexpectedAnswer) as error:
            return registry, (_unchecked(error.message),)
        with suppress(RegistryUnreachable, UnexpectedAnswer):
            for url in addresses_above(registry.url):
                if self._what_answers(url, profile) is None:
                    return Registry(registry.name, url, registry.allow_http), ()
        message = f"What answers at {registry.url} is not a Stardag registry: {instead}."
        if not force:
            raise ConfirmationNeeded(message, "--force")
        return registry, (Notice("not-a-registry", message),)

    def _what_answers(self, url: str, profile: ActiveProfile) -> str | None:
        return self.open_registry.registries.connect(url, None, profile.timeout).check()

    def _added(
        self,
        path: str,
        registry: Registry,
        read: FileRead,
        profile: ActiveProfile,
        *,
        changed: bool,
        notices: tuple[Notice, ...] = (),
    ) -> AddedRegistry:
        at_hand = profile.api_key.value is not None or profile.access_token.value is not None
        has_credential = at_hand or self._is_signed_in(registry, read)
        return AddedRegistry(path, registry, changed, has_credential, (*read.notices, *notices))

    def _is_signed_in(self, registry: Registry, read: FileRead) -> bool:
        try:
            return self.open_registry.sign_ins.find(read.directory, registry.name, registry.url) is not None
        except UnusableSecrets:
            return False  # signing in again is what helps


def _without_effect(registry: Registry) -> Notice:
    reason = "is needed for plain http beyond this machine alone"
    return Notice("unused-option", f"--allow-http has no effect: it {reason}, not for {registry.url}.")


def _unchecked(reason: str) -> Notice:
    return Notice("not-checked", f"Added without a check. {reason}")


def _correction(pasted: str, registry: Registry) -> Notice:
    """What a person hears of an address that is not the one they gave. Queries and fragments may hold secrets."""
    page = re.split("[?#]", pasted)[0]
    return Notice("corrected-url", f"{page} is a page of a registry; its address, {registry.url}, was added instead.")

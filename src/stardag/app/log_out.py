"""Signing out: revoking at the issuer, then deleting here, whatever the issuer says (readings, section 5)."""

from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.choose_registry import ChooseRegistry
from stardag.app.connect import OpenRegistry
from stardag.app.sign_in.ports import IdentityProvider, SignIns
from stardag.domain.errors import StardagError, UnknownName
from stardag.domain.profile import ActiveProfile, Selection
from stardag.domain.registry_errors import UnusableSecrets
from stardag.domain.registry_url import origin_of
from stardag.domain.sign_in import SignIn


class LoggedOut(NamedTuple):
    """A sign-in that is gone. `not_revoked` says why it may still be good at the issuer; None where it was revoked."""

    registry: str
    registry_url: str
    not_revoked: str | None


@dataclass(frozen=True, slots=True)
class LogOut:
    """Revokes and deletes sign-ins.

    Raises:
        StateNotWritable: a sign-in cannot be deleted here.
        and whatever ChooseRegistry raises.
    """

    choose_registry: ChooseRegistry
    open_registry: OpenRegistry
    sign_ins: SignIns
    identity_provider: IdentityProvider

    def __call__(self, selection: Selection, *, every: bool = False) -> tuple[ActiveProfile, tuple[LoggedOut, ...]]:
        """Sign out of one registry, which may have been removed from the configuration, or of every one.

        Raises:
            UnknownVariable: nothing names a registry, and a variable that may name one is misspelt.
            UnusableSecrets: with `every`, a file is broken; signing out of that registry by name deletes it.
        """
        if every:
            profile = self.choose_registry.resolve(selection)
            return profile, tuple(
                self._log_out(profile, sign_in) for sign_in in self.sign_ins.all_in(profile.directory)
            )
        try:
            profile, registry = self.choose_registry(selection)
        except UnknownName as error:
            removed = self._log_out_of_removed(selection) if error.kind == "registry" else None
            if removed is None:
                raise
            return removed
        self.open_registry.check_named(profile)
        url = profile.registry_url.value
        try:
            sign_in = self.sign_ins.find(profile.directory, registry, url)
        except UnusableSecrets as error:
            self.sign_ins.remove_unusable(profile.directory, registry)
            return profile, (LoggedOut(registry, url, error.message),)
        if sign_in is not None:
            return profile, (self._log_out(profile, sign_in),)
        return profile, ()

    def _log_out_of_removed(self, selection: Selection) -> tuple[ActiveProfile, tuple[LoggedOut, ...]] | None:
        """Sign out of a registry that the configuration does not name any more; None where no sign-in has its name."""
        profile = self.choose_registry.resolve(selection._replace(registry=None))
        kept = [each for each in self.sign_ins.all_in(profile.directory) if each.registry == selection.registry]
        return (profile, tuple(self._log_out(profile, each) for each in kept)) if kept else None

    def _log_out(self, profile: ActiveProfile, sign_in: SignIn) -> LoggedOut:
        with self.sign_ins.alone(sign_in, 2 * profile.timeout + 5.0):
            current = self.sign_ins.again(sign_in) or sign_in
            try:
                not_revoked = self._revoke(profile, current)
            except StardagError as error:
                not_revoked = error.message
            finally:
                self.sign_ins.remove(current)
        return LoggedOut(sign_in.registry, sign_in.registry_url, not_revoked)

    def _revoke(self, profile: ActiveProfile, sign_in: SignIn) -> str | None:
        """Why the refresh token was not revoked, or None. It goes nowhere but to the issuer that gave it."""
        settings = self.open_registry.without_credential(sign_in.registry_url, profile).sign_in_settings()
        issuer = self.identity_provider.discover(settings.issuer_url, profile.timeout)
        endpoint = issuer.revocation_endpoint
        if issuer.token_endpoint != sign_in.token_endpoint:
            return f"The registry names another issuer by now: {issuer.url}."
        if endpoint is None or origin_of(endpoint) != origin_of(sign_in.token_endpoint):
            return f"The issuer {issuer.url} has no way to revoke it."
        self.identity_provider.revoke(endpoint, sign_in.client_id, sign_in.refresh_token, profile.timeout)
        return None

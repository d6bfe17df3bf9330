"""A secret that is at hand, as what is shown to a registry."""

from dataclasses import dataclass

from stardag.domain.credential_source import CredentialSource
from stardag.domain.credentials import Secret
from stardag.domain.registry_errors import RefusedCredential


@dataclass(frozen=True, slots=True)
class FixedCredential:
    """A secret that is at hand, such as an API key; there is no other."""

    secret: Secret
    described: CredentialSource | None = None

    def __call__(self) -> Secret:
        """The secret."""
        return self.secret

    def instead_of(self, refused: Secret, refusal: RefusedCredential) -> Secret | None:
        """Nothing."""

    def source(self) -> CredentialSource | None:
        """Which one it is, as it was described."""
        return self.described

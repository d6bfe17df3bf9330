"""The access token that `stardag exec` made for a command, as what that command shows to the registry."""

from dataclasses import dataclass

from stardag.domain.command_errors import AccessTokenEnded
from stardag.domain.credential_source import CredentialSource
from stardag.domain.credentials import Secret
from stardag.domain.registry_errors import RefusedCredential


@dataclass(frozen=True, slots=True)
class HandedDownToken:
    """A token that this process was handed, and that it cannot renew. `said_by` is the variable that holds it."""

    secret: Secret
    registry_url: str
    said_by: str

    def __call__(self) -> Secret:
        """The token."""
        return self.secret

    def instead_of(self, refused: Secret, refusal: RefusedCredential) -> Secret | None:  # noqa: ARG002  # as in the port
        """Nothing.

        Raises:
            AccessTokenEnded: always; the usual advice for a refused credential does not help here.
        """
        raise AccessTokenEnded(self.registry_url, self.said_by)

    def source(self) -> CredentialSource:
        """The variable that holds it."""
        return CredentialSource(f"the access token from {self.said_by}", f"Unset {self.said_by} to use your sign-in.")

"""What the provider's endpoints and pages ask of the application."""

from collections.abc import Callable
from dataclasses import dataclass

from stardag_registry.app.ports import TokenSigner
from stardag_registry.app.provider.accounts import ChangePassword, Sessions, SignIn
from stardag_registry.app.provider.codes import AuthorizationCodes
from stardag_registry.app.provider.devices import Devices
from stardag_registry.app.provider.families import Refresh, Revoke
from stardag_registry.app.provider.form_tokens import FormTokens
from stardag_registry.app.provider.invited_accounts import InvitedAccounts
from stardag_registry.app.provider.tokens import IssueTokens
from stardag_registry.app.provider.userinfo import TellUserinfo


@dataclass(frozen=True, slots=True)
class ProviderUseCases:
    """The use cases, the address that people and machines use, and which addresses a token may be asked for."""

    public_url: str
    names_this_registry: Callable[[str], bool]
    signer: TokenSigner
    sessions: Sessions
    sign_in: SignIn
    change_password: ChangePassword
    form_tokens: FormTokens
    codes: AuthorizationCodes
    devices: Devices
    refresh: Refresh
    revoke: Revoke
    issue_tokens: IssueTokens
    tell_userinfo: TellUserinfo
    invited_accounts: InvitedAccounts

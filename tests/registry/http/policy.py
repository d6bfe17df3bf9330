"""Who may do what over HTTP (readings, section 7): a table with a row for every operation, and what follows of it."""

from dataclasses import dataclass
from typing import Final, Literal

Target = Literal[
    "own workspace",
    "sibling workspace",
    "own personal workspace",
    "another's personal workspace",
    "archived workspace",
    "other organization",
    "missing",
    "no id",
]
"""What is asked for. Whatever belongs to an organization alone is the same for all targets in that organization."""

Caller = Literal[
    "owner",
    "admin",
    "member",
    "outsider",
    "removed member",
    "administering key",
    "building key",
    "revoked key",
    "expired key",
    "access token",
    "revoked access token",
    "expired access token",
    "issuer's token",
    "nobody",
]
"""Who asks. The outsider owns the other organization; the one removed was an owner. The users who had the access tokens
made, and who shows the issuer's token, are owners, too, so that nothing but the kind of token keeps them out."""

# `open to` is the least of the roles that may; "everybody" needs no credential; "anyone" is every good credential, and
# "a user" every person's; "issuer" is the issuer's token alone; "the invited" is the one person who was.
# `key` is the purpose that an API key needs in its own workspace. Whoever owns a personal workspace may there what an
# administering key may. `token` says whether an access token may, where it sees as much as a member of no other role.
# `archived` says whether it is done in an archived workspace, too.
TABLE: Final = """
operation                                              case            open to      key         token  archived  answer

GET    /auth/configuration                             -               everybody    -           -      -         200
POST   /auth/exchange                                  -               issuer       -           -      -         200
PUT    /me                                             -               issuer       -           -      -         200
GET    /me                                             -               anyone       build       yes    -         200

GET    /organizations                                  -               anyone       build       yes    -         200
POST   /organizations                                  -               a user       -           -      -         201
DELETE /organizations/{organization}                   -               owner        -           -      -         204
GET    /organizations/{organization}/audit             -               admin        -           -      -         200
GET    /organizations/{organization}/members           -               member       -           yes    -         200
PATCH  /organizations/{organization}/members/{user_id}  -              owner        -           -      -         200
DELETE /organizations/{organization}/members/{user_id}  a member       admin        -           -      -         204
DELETE /organizations/{organization}/members/{user_id}  an admin       owner        -           -      -         204
DELETE /organizations/{organization}/members/{user_id}  oneself        member       -           -      -         204
GET    /organizations/{organization}/invitations       -               admin        -           -      -         200
POST   /organizations/{organization}/invitations       to be a member  admin        -           -      -         201
POST   /organizations/{organization}/invitations       to be an admin  owner        -           -      -         201
DELETE /organizations/{organization}/invitations/{invitation_id}  to be a member  admin  -      -      -         204
DELETE /organizations/{organization}/invitations/{invitation_id}  to be an admin  owner  -      -      -         204
POST   /invitations/accept                             -               the invited  -           -      -         200
POST   /organizations/{organization}/access-tokens     -               member       -           -      -         201
DELETE /organizations/{organization}/access-tokens/{access_token_id}  one's own  member  -      -      -         204
DELETE /organizations/{organization}/access-tokens/{access_token_id}  itself  member  -         yes    -         204

GET    /organizations/{organization}/workspaces        -               member       build       yes    -         200
POST   /organizations/{organization}/workspaces        -               admin        -           -      -         201
GET    /workspaces/{workspace_id}                      -               member       build       yes    yes       200
PATCH  /workspaces/{workspace_id}                      describe        admin        administer  -      no        200
PATCH  /workspaces/{workspace_id}                      archive         admin        -           -      yes       200
PATCH  /workspaces/{workspace_id}                      bring back      admin        -           -      yes       200
DELETE /workspaces/{workspace_id}                      -               admin        -           -      yes       204

GET    /workspaces/{workspace_id}/api-keys             -               admin        administer  -      yes       200
POST   /workspaces/{workspace_id}/api-keys             -               admin        administer  -      no        201
DELETE /workspaces/{workspace_id}/api-keys/{api_key_id}  -             admin        administer  -      yes       204

GET    /workspaces/{workspace_id}/target-roots         -               member       build       yes    yes       200
GET    /workspaces/{workspace_id}/target-roots/{name}  -               member       build       yes    yes       200
GET    /workspaces/{workspace_id}/target-root-history  -               member       build       yes    yes       200
POST   /workspaces/{workspace_id}/target-roots         -               admin        administer  -      no        201
PATCH  /workspaces/{workspace_id}/target-roots/{name}  -               admin        administer  -      no        200
DELETE /workspaces/{workspace_id}/target-roots/{name}  -               admin        administer  -      no        204

GET    /workspaces/{workspace_id}/builds               -               member       build       yes    yes       200
POST   /workspaces/{workspace_id}/builds               -               member       build       yes    no        201
GET    /workspaces/{workspace_id}/builds/{build_id}    -               member       build       yes    yes       200
PATCH  /workspaces/{workspace_id}/builds/{build_id}    -               member       build       yes    no        200
POST   /workspaces/{workspace_id}/builds/{build_id}/heartbeat  -       member       build       yes    no        200
POST   /workspaces/{workspace_id}/builds/{build_id}/tasks  -           member       build       yes    no        200
GET    /workspaces/{workspace_id}/tasks                -               member       build       yes    yes       200
GET    /workspaces/{workspace_id}/tasks/{task_id}      -               member       build       yes    yes       200
"""

_ROLES: Final = ("member", "admin", "owner")
_WITHOUT_CREDENTIAL: Final = (
    *("removed member", "revoked key", "expired key", "revoked access token", "expired access token", "nobody"),
)
_ELSEWHERE: Final = ("other organization", "missing", "no id")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    method: str
    path: str
    case: str
    open_to: str
    key: str
    token: str
    archived: str
    answer: int

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + ("" if self.case == "-" else f" ({self.case})")

    @property
    def operation(self) -> str:
        """The route that it is about."""
        return f"{self.method} {self.path}"

    @property
    def aims_at_a_workspace(self) -> bool:
        """Whether what is asked for is in a workspace."""
        return "{workspace_id}" in self.path

    @property
    def aims_at_an_organization(self) -> bool:
        """Whether what is asked for is in an organization."""
        return "{organization}" in self.path or self.path == "/auth/exchange"


def rows_of(table: str) -> tuple[Row, ...]:
    """The rows of a table like the one above."""
    rows: list[Row] = []
    for line in table.strip().splitlines()[1:]:
        if line:
            method, rest = line.split(maxsplit=1)
            path, *cells = (part.strip() for part in rest.split("  ") if part.strip())
            case, open_to, key, token, archived, answer = cells
            rows.append(Row(method, path, case, open_to, key, token, archived, int(answer)))
    return tuple(rows)


def expected(row: Row, caller: Caller, target: Target) -> int:
    """The status that the row means for a caller and a target."""
    if row.open_to == "everybody":
        return row.answer
    if caller in _WITHOUT_CREDENTIAL:
        return 401
    if caller == "issuer's token":
        return _for_the_issuers_token(row, target)
    if row.open_to == "issuer":
        return 401
    if row.open_to == "the invited":
        return 403
    if not row.aims_at_a_workspace and not row.aims_at_an_organization:
        refused = (row.key == "-" and caller.endswith("key")) or (row.token == "-" and caller == "access token")
        return 403 if refused else row.answer
    if not _is_there_for(caller, target, in_workspace=row.aims_at_a_workspace):
        return 404
    if not _may(row, caller, target):
        return 403
    if row.aims_at_a_workspace and target == "archived workspace" and row.archived == "no":
        return 409
    return row.answer


def _for_the_issuers_token(row: Row, target: Target) -> int:
    if row.open_to not in {"issuer", "anyone", "a user", "the invited"}:
        return 401
    return 404 if row.aims_at_an_organization and target in _ELSEWHERE else row.answer


def _is_there_for(caller: Caller, target: Target, *, in_workspace: bool) -> bool:
    """What a caller cannot see is not there for them."""
    if caller == "outsider":
        return target == "other organization"
    if target in _ELSEWHERE:
        return False
    if in_workspace and target == "another's personal workspace":
        return caller in {"owner", "admin"}
    # A key has one workspace; at the archived and at the personal one, keys of those are shown.
    return not (in_workspace and caller.endswith("key") and target == "sibling workspace")


def _may(row: Row, caller: Caller, target: Target) -> bool:
    if caller == "administering key":
        return row.key != "-"
    if caller == "building key":
        return row.key == "build"
    if caller == "access token":
        return row.token == "yes"
    role = "owner" if caller == "outsider" else caller
    owns = row.aims_at_a_workspace and target == "own personal workspace" and row.key != "-"
    return owns or _ROLES.index(role) >= _ROLES.index(row.open_to)

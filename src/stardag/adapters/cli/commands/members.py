"""`stardag members …`: who belongs to an organization, and who is invited to it."""

from typing import Annotated

from cyclopts import App, Parameter

from stardag.adapters.cli.answers import Answer, Json
from stardag.adapters.cli.session import (
    DEFAULTS,
    Options,
    OrganizationOption,
    RegistryOption,
    Session,
    SessionArgument,
)
from stardag.adapters.cli.text import table
from stardag.adapters.cli.times import iso, local
from stardag.app.team.reply import Reply
from stardag.domain.members import Invitation, Member
from stardag.domain.organizations import Role
from stardag.domain.profile import Selection

app = App(name="members", help_format="plaintext")


@app.command(name="list")
def list_members(
    *,
    role: Annotated[Role | None, Parameter(help="Only those with this role.")] = None,
    invited: Annotated[bool, Parameter(negative="", help="Those who are invited and have not accepted yet.")] = False,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """List the members of an organization, or with --invited those who may become some."""
    selection = options.selection(registry, organization)
    return _invited(session, selection, role) if invited else _members(session, selection, role)


@app.command(name="invite")
def invite_member(
    email: str,
    *,
    role: Annotated[Role, Parameter(help="What they will be; only an owner invites admins and owners.")] = "member",
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Invite somebody, and print the link by which they become a member. No mail is sent.

    Parameters
    ----------
    email
        The address that they sign in with.
    """
    edit = session.use_cases().edit_members()
    with session.waiting("Asking the registry"):
        reply = edit.invite(options.selection(registry, organization), email, role)
    invitation, link = reply.value.invitation, reply.value.link.reveal()
    return Answer(
        data={**_invitation_data(invitation), "link": link},
        text=link,
        notices=reply.notices,
        remarks=[
            (
                f"No mail is sent: give this link to {invitation.email} yourself. It counts until "
                f"{local(invitation.expires_at)}, once, and for whoever signs in with that address."
            ),
            "An earlier link for the same address opens nothing any more.",
        ],
    )


@app.command(name="remove")
def remove_member(
    member: str,
    *,
    yes: Annotated[bool, Parameter(negative="", help="Do not ask.")] = False,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Remove a member, leave yourself, or withdraw the invitation of somebody who has not accepted it yet.

    You are asked first.

    Parameters
    ----------
    member
        A username, an e-mail address or an id.
    """
    edit = session.use_cases().edit_members()
    selection = options.selection(registry, organization)

    def attempt(confirmed: bool) -> Reply[Member | Invitation]:
        with session.waiting("Asking the registry"):
            return edit.remove(selection, member, confirmed=confirmed)

    reply = session.prompts.confirming(attempt, yes, "Go on?")
    gone = reply.value
    if isinstance(gone, Invitation):
        text = f"The invitation of {gone.email} to {reply.place!r} was withdrawn; its link opens nothing any more."
        return Answer({**_invitation_data(gone), "removed": "invitation"}, text, reply.notices)
    text = f"{gone.username!r} is no member of {reply.place!r} any more."
    return Answer({**_member_data(gone), "removed": "member"}, text, reply.notices)


@app.command(name="set-role")
def set_role(
    member: str,
    role: Role,
    *,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Make a member owner, admin or member. This needs an owner, and an organization always keeps one.

    Parameters
    ----------
    member
        A username, an e-mail address or an id.
    role
        What they are from now on.
    """
    edit = session.use_cases().edit_members()
    with session.waiting("Asking the registry"):
        reply = edit.set_role(options.selection(registry, organization), member, role)
    changed = reply.value
    now, old = changed.member, changed.old
    done = f"was {old} and is now {now.role}" if now.role != old else f"already was {old}"
    return Answer(
        data={**_member_data(now), "old_role": old},
        text=f"{now.username!r} {done} of {reply.place!r}.",
        notices=reply.notices,
    )


def _members(session: Session, selection: Selection, role: Role | None) -> Answer:
    edit = session.use_cases().edit_members()
    with session.waiting("Asking the registry"):
        reply = edit.members(selection, role)
    rows = [(each.username, each.email or "-", each.role, local(each.since), each.id) for each in reply.value]
    return Answer(
        data={"members": [_member_data(each) for each in reply.value]},
        text=table(("USERNAME", "E-MAIL", "ROLE", "SINCE", "ID"), rows) if rows else "",
        notices=reply.notices,
        remarks=() if rows else [f"Nobody is {role or 'a member'} of {reply.place!r}."],
    )


def _invited(session: Session, selection: Selection, role: Role | None) -> Answer:
    edit = session.use_cases().edit_members()
    with session.waiting("Asking the registry"):
        reply = edit.invitations(selection, role)
    rows = [(each.email, each.role, local(each.expires_at), each.maker, each.id) for each in reply.value]
    return Answer(
        data={"invitations": [_invitation_data(each) for each in reply.value]},
        text=table(("E-MAIL", "ROLE", "COUNTS UNTIL", "INVITED BY", "ID"), rows) if rows else "",
        notices=reply.notices,
        remarks=() if rows else [f"No invitation to {reply.place!r} waits to be accepted."],
    )


def _member_data(member: Member) -> dict[str, Json]:
    return {
        "id": member.id,
        "username": member.username,
        "email": member.email,
        "role": member.role,
        "since": iso(member.since),
    }


def _invitation_data(invitation: Invitation) -> dict[str, Json]:
    return {
        "id": invitation.id,
        "email": invitation.email,
        "role": invitation.role,
        "made_at": iso(invitation.made_at),
        "expires_at": iso(invitation.expires_at),
        "maker": invitation.maker,
    }

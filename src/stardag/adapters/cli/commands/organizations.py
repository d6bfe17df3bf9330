"""`stardag organizations …`."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from stardag.adapters.cli.answers import Answer, Json
from stardag.adapters.cli.session import DEFAULTS, Options, RegistryOption, Session, SessionArgument
from stardag.adapters.cli.text import once_more, table
from stardag.domain.credentials import Secret
from stardag.domain.organizations import Organization

LINK_INPUT_MAX = 16 * 1024
"""Bytes that are read from standard input; a link has a few hundred."""

app = App(name="organizations", help_format="plaintext")


@app.command(name="list")
def list_organizations(
    *, registry: RegistryOption = None, options: Options = DEFAULTS, session: SessionArgument
) -> Answer:
    """List the organizations of a registry that you belong to."""
    browse = session.use_cases().browse_registry()
    with session.waiting("Asking the registry"):
        profile, organizations = browse.organizations(options.selection(registry))
    rows = [(each.slug, each.name, each.role or "-", each.id) for each in organizations]
    url = profile.registry_url.value
    remarks = [f"You belong to no organization of {url}. Make one with: stardag organizations create SLUG"]
    return Answer(
        data={"organizations": [_data(each) for each in organizations]},
        text=table(("SLUG", "NAME", "ROLE", "ID"), rows) if rows else "",
        notices=profile.notices,
        remarks=() if rows else remarks,
    )


@app.command(name="create")
def create_organization(
    slug: str,
    *,
    name: Annotated[str | None, Parameter(help="A name for people; the slug where it is left out.")] = None,
    registry: RegistryOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Make an organization, which you own. Anyone who can sign in may.

    Parameters
    ----------
    slug
        What commands call it: lower-case letters and digits, with single hyphens or underscores between them.
    """
    join = session.use_cases().join_organizations()
    with session.waiting("Asking the registry"):
        reply = join.create(options.selection(registry), slug, name)
    made = reply.value.organization
    at = once_more(registry=reply.value.registry, organization=made.slug)
    return Answer(
        data=_data(made),
        text=f"Organization {made.slug!r} was made at {reply.registry_url}; you are its {made.role}.",
        notices=reply.notices,
        remarks=[f"Next: stardag workspaces create SLUG{at}", f"and: stardag members invite EMAIL{at}"],
    )


@app.command(name="join")
def join_organization(
    link: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    registry: RegistryOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Accept an invitation, and become a member of the organization that it is to.

    Parameters
    ----------
    link
        The link that you were given; with -, it is read from standard input, where no other program sees it.
    """
    secret = _link_on_standard_input(session) if link == "-" else Secret(link)
    join = session.use_cases().join_organizations()
    with session.waiting("Asking the registry"):
        reply = join.accept(options.selection(registry), secret)
    joined = reply.value.organization
    at = once_more(registry=reply.value.registry, organization=joined.slug)
    article = "a" if joined.role == "member" else "an"
    return Answer(
        data=_data(joined),
        text=f"You are {article} {joined.role} of organization {joined.slug!r} at {reply.registry_url}.",
        notices=reply.notices,
        remarks=[f"See where to work: stardag workspaces list{at}", f"then: stardag profile add NAME{at}"],
    )


def _link_on_standard_input(session: Session) -> Secret:
    if not sys.stdin.isatty():
        return Secret(sys.stdin.buffer.read(LINK_INPUT_MAX).decode("utf-8", "replace").strip())
    example = "stardag organizations join - < file"
    return Secret(session.prompts.secret("The invitation's link", option="it on standard input", example=example))


def _data(organization: Organization) -> dict[str, Json]:
    return {
        "id": organization.id,
        "slug": organization.slug,
        "name": organization.name,
        "role": organization.role,
    }

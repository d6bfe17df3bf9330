"""`stardag config …`: what is in force, and why."""

from collections.abc import Sequence

from cyclopts import App

from stardag.adapters.cli.answers import Answer
from stardag.adapters.cli.exit_codes import USAGE
from stardag.adapters.cli.session import DEFAULTS, Options, SessionArgument
from stardag.adapters.cli.text import counted, table
from stardag.adapters.cli.values import ShownValue, shown_values
from stardag.app.configuration_files import FilesInForce
from stardag.domain.errors import ConfigurationError, FileProblem, NoProfileChosen
from stardag.domain.layers import Notice
from stardag.domain.lines import Lines, lines
from stardag.domain.profile import ActiveProfile
from stardag.domain.suggestions import nearest

app = App(name="config", help_format="plaintext")

_NOTHING = "-"


class UnknownKey(ConfigurationError):
    """A key that no active profile has."""

    code = "unknown-key"


@app.command(name="show")
def show(*, options: Options = DEFAULTS, session: SessionArgument) -> Answer:
    """Show every value of the active profile and where it came from. Asks no registry."""
    profile = session.use_cases().resolve_profile()(options.selection())
    values = shown_values(profile)
    rows = [(shown.key, shown.setting.value or _NOTHING, str(shown.setting.origin)) for shown in values]
    return Answer(
        data={"values": [shown.data for shown in values]},
        text=table(("KEY", "VALUE", "FROM"), rows),
        notices=profile.notices,
        remarks=_next_step(profile),
    )


def _next_step(profile: ActiveProfile) -> list[str]:
    """What a person who looks at the profile has yet to do, if anything."""
    try:
        profile.check_chosen()
    except NoProfileChosen as error:
        return [f"{error.message} {error.fix}"]
    return [] if profile.target_roots else ["No target roots are cached yet: stardag target-roots sync"]


@app.command(name="explain")
def explain(key: str | None = None, *, options: Options = DEFAULTS, session: SessionArgument) -> Answer:
    """Explain one value, or all: where it came from, and what lost against it.

    Parameters
    ----------
    key
        Such as registry_url or target_roots.default; all where it is left out.
    """
    use_cases = session.use_cases()
    profile = use_cases.resolve_profile()(options.selection())
    values = shown_values(profile)
    chosen = [shown for shown in values if key in (None, shown.key)]
    if not chosen:
        raise _unknown_key(str(key), [shown.key for shown in values])
    notices = (*profile.notices, *_replaced(use_cases.files().find()))
    return Answer(
        data={"values": [shown.data for shown in chosen]},
        text=lines(*[part for shown in chosen for part in ("", _explanation(shown))][1:]),
        notices=notices,
    )


@app.command(name="path")
def path(*, options: Options = DEFAULTS, session: SessionArgument) -> Answer:
    """Show which files are read, and which directory holds the state."""
    use_cases = session.use_cases()
    files = use_cases.files().find()
    if files.refused and use_cases.environment().read().names_all:
        files = files._replace(directory=files.directory._replace(path=files.directory.user_path))
    directory = None if files.directory.is_missing else files.directory.path
    rows = [
        ("project", files.project or _NOTHING, _fate_of_project_file(files)),
        ("user", files.user or _NOTHING, _fate_of_user_file(files)),
        ("state", directory or _NOTHING, "in use" if directory else "nothing is kept"),
    ]
    if files.pyproject:
        rows.append(("pyproject", files.pyproject, "not read: [tool.stardag] is kept for later"))
    return Answer(
        data={
            "in_force": files.in_force if directory else None,
            "project": files.project,
            "user": files.user,
            "read": [files.in_force] if files.exists and not files.refused else [],
            "stardag_directory": directory,
            "pyproject": files.pyproject,
        },
        text=table(("FILE", "PATH", ""), rows),
        notices=_replaced(files),
    )


@app.command(name="validate")
def validate(*, options: Options = DEFAULTS, session: SessionArgument) -> Answer:
    """Check the configuration file in force and the variables, and list all that is wrong."""
    use_cases = session.use_cases()
    files = use_cases.files()
    found = files.find()
    problems = files.problems()
    if problems:
        return _invalid(found.in_force, problems)._replace(notices=tuple(use_cases.notice_log()))
    profile = use_cases.resolve_profile()(options.selection())
    text = f"{found.in_force} is valid." if found.exists else "There is no configuration file; the defaults are valid."
    return Answer({"path": found.in_force, "exists": found.exists, "problems": []}, text, notices=profile.notices)


def _invalid(path: str, problems: Sequence[FileProblem]) -> Answer:
    return Answer(
        data={
            "path": path,
            "exists": True,
            "problems": [
                {"path": each.path, "line": each.line, "key": each.key, "problem": each.problem} for each in problems
            ],
        },
        text=lines(*map(str, problems), f"{path} is not valid: {counted(len(problems), 'problem')}."),
        exit_code=USAGE,
    )


def _unknown_key(key: str, known: list[str]) -> UnknownKey:
    near = nearest(key, known)
    meant = f" Did you mean {near!r}?" if near else ""
    return UnknownKey(
        f"There is no value {key[:80]!r} in the active profile.{meant}", f"There are: {', '.join(known)}."
    )


def _explanation(shown: ShownValue) -> Lines:
    setting = shown.setting
    found = [f"{shown.key} = {setting.value or _NOTHING}", f"  from {setting.origin} ({setting.origin.layer} layer)"]
    found += [
        f"  not used: {lost.value} from {lost.origin} ({lost.origin.layer} layer), since {lost.reason}"
        for lost in setting.overridden
    ]
    return lines(*found)


def _fate_of_project_file(files: FilesInForce) -> str:
    if not files.project:
        return "there is none"
    return f"refused: {files.refused}" if files.refused else "read"


def _fate_of_user_file(files: FilesInForce) -> str:
    if files.user is None:
        return "there is no home directory"
    if not files.user_exists:
        return "there is none"
    if files.project:
        return "not read: the project's file replaces it"
    return f"refused: {files.refused}" if files.refused else "read"


def _replaced(files: FilesInForce) -> list[Notice]:
    if not (files.project and files.user_exists):
        return []
    message = f"{files.user} is not read: the project file {files.project} replaces it whole."
    return [Notice("user-file-replaced", message)]

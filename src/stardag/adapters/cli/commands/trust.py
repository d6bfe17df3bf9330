"""`stardag trust`."""

from stardag.adapters.cli.answers import Answer
from stardag.adapters.cli.session import DEFAULTS, Options, SessionArgument


def trust(path: str | None = None, *, options: Options = DEFAULTS, session: SessionArgument) -> Answer:
    """Trust a project's configuration file, and let credentials go to the registries that it names today.

    Parameters
    ----------
    path
        The file, or the project's directory; the file in force here where it is left out.
    """
    file = session.use_cases().trust_project()(path)
    urls = [registry.url for registry in file.configuration.registries.values()]
    named = f" It names: {', '.join(urls)}." if urls else ""
    return Answer({"path": file.path, "registry_urls": urls}, f"{file.path} is trusted from now on.{named}")

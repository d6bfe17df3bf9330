"""What is written down for those who run a registry in earnest holds: every command in it is one, and no secret is in
it."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are another package

from stardag.adapters.cli.program import make_app

ROOT = Path(__file__).parents[3]
_VARIABLE = re.compile(r"\$\{(?P<name>\w+):(?P<kind>[-?])(?P<text>[^}]*)\}")


def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def with_defaults(text: str) -> str:
    """What Docker makes of a text where no variable is set but those that have to be."""
    return _VARIABLE.sub(lambda found: found["text"] if found["kind"] == "-" else "given", text)


def check_command(words: list[str]) -> None:
    """That the program would understand it."""
    assert words[0] == "stardag"
    make_app().parse_args(words[1:], print_error=False, exit_on_error=False)


def test_the_registry_of_docker_compose_is_started_with_options_that_there_are() -> None:
    (entry_point,) = [json.loads(words) for name, words in instructions() if name == "ENTRYPOINT"]
    command = [with_defaults(word) for word in compose()["services"]["registry"]["command"]]
    check_command([*entry_point, *command])
    assert "postgresql://stardag@postgresql/stardag" in " ".join(command)


def test_secrets_come_from_outside_and_only_loopback_is_published() -> None:
    services = compose()["services"]
    for service in services.values():
        for name, value in service["environment"].items():
            if "PASSWORD" in name:
                assert _VARIABLE.fullmatch(value), "it has to be given"
                assert value.startswith("${POSTGRES_PASSWORD:?")
    assert services["registry"]["environment"].keys() == {"PGPASSWORD"}
    assert services["registry"]["ports"] == ["127.0.0.1:8000:8000"]
    assert "ports" not in services["postgresql"]


def test_what_is_kept_is_kept_in_volumes_and_the_database_is_waited_for() -> None:
    whole = compose()
    services = whole["services"]
    mounted = [volume.partition(":") for service in services.values() for volume in service["volumes"]]
    assert {name for name, _, _ in mounted} == whole["volumes"].keys()
    assert "/data" in [path for _, _, path in mounted]
    assert services["registry"]["depends_on"]["postgresql"]["condition"] == "service_healthy"
    assert services["postgresql"]["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]


def test_the_image_runs_as_nobody_in_particular_and_knows_its_health() -> None:
    last = dict(instructions())
    assert last["USER"] not in {"root", "0"}
    assert last["VOLUME"] == "/data"
    interpreter, option, code = json.loads(last["HEALTHCHECK"].partition(" CMD ")[2])
    assert (interpreter, option) == ("python", "-c")
    compile(code, "HEALTHCHECK", "exec")
    assert "127.0.0.1:8000/health" in code
    assert any("--require-hashes -r requirements.lock" in text for name, text in instructions() if name == "RUN")


def test_what_the_image_is_built_from_is_enough_to_build_it(tmp_path: Path) -> None:
    """Templates and migrations included, from the files that are copied and no others."""
    copied = [text.split()[:-1] for name, text in instructions() if name == "COPY" and "--from" not in text]
    sources = [source for names in copied for source in names]
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(sources) == allowed
    for source in sources:
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, tmp_path / source, ignore=ignored)
        else:
            shutil.copy(ROOT / source, tmp_path / source)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=tmp_path, check=True, timeout=60)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    wanted = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src").rglob("*") if path.is_file()}
    assert {name for name in wanted if "__pycache__" not in name} <= names


def commands_in(document: str) -> list[str]:
    """The command lines of `stardag` in the blocks of a document."""
    lines, kind = list[str](), None
    for line in map(str.strip, (ROOT / "docs" / document).read_text().splitlines()):
        if line.startswith("```"):
            kind = line.removeprefix("```") if kind is None else None
        elif kind in {"sh", ""} and "stardag registry" in line and not line.startswith("{"):
            lines.append(line[line.index("stardag registry") :])
    return lines


@pytest.mark.parametrize("line", commands_in("deployment.md"))
def test_every_command_of_the_deployment_page_is_understood(line: str) -> None:
    check_command(shlex.split(re.sub(r"\$\([^)]*\)", "x", line), comments=True))


def test_every_number_of_the_deployment_page_is_that_of_the_code() -> None:
    from stardag_registry.adapters.database import postgresql
    from stardag_registry.adapters.serve.server import GRACE, KEPT_OPEN

    page = (ROOT / "docs" / "deployment.md").read_text()
    assert f"keeps up to {postgresql.CONNECTIONS}, and takes up to {2 * postgresql.CONNECTIONS}" in page
    assert f"kept for {KEPT_OPEN} seconds" in page
    assert GRACE == 10
    assert "at most ten seconds" in page

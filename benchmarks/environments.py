"""Virtual environments with only the packages that stardag requires, made of links to those of this environment."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from re import match

SOURCE = Path(__file__).resolve().parent.parent / "src"


def make_environment(folder: Path, extra: str | None) -> Path:
    """Make a virtual environment with stardag, its requirements and those of an extra; return its Python."""
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", str(folder)), check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in _required("stardag", extra):
        _link_package(name, packages)
    (packages / "source.pth").write_text(f"{SOURCE}\n")
    entry_points = packages / "stardag.dist-info"
    entry_points.mkdir()
    (entry_points / "METADATA").write_text("Metadata-Version: 2.1\nName: stardag\nVersion: 0\n")
    (entry_points / "entry_points.txt").write_text("[stardag.registry]\nserve = stardag_registry.program:serve\n")
    return folder / "bin" / "python"


def _link_package(name: str, packages: Path) -> None:
    files = distribution(name).files or ()
    for top in {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}:
        target = Path(str(distribution(name).locate_file(top)))
        link = packages / top
        if target.exists() and not link.exists():
            link.symlink_to(target)


def _required(root: str, extra: str | None) -> set[str]:
    """The installed distributions that a distribution requires, directly or not."""
    found: set[str] = set()
    waiting = [(root, extra)]
    while waiting:
        name, wanted = waiting.pop()
        try:
            requirements = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        if name != root:
            found.add(name)
        for requirement in requirements:
            required = match(r"[A-Za-z0-9_.-]+", requirement)
            marker = match(r".*extra == ['\"](.+?)['\"]", requirement)
            if required and (marker is None or marker[1] == wanted) and required[0] not in found:
                waiting.append((required[0], None))
    return found

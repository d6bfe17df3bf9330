"""A user's stardag directory with two profiles whose target roots are cached, so that no registry has to be asked."""

import json
from pathlib import Path

REGISTRY = "https://registry.example"
ORGANIZATION = "6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b10"
WORKSPACES = {"prod": "6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11", "here": "6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b12"}

COPY = ("outputs", "copy", "--from", "prod", "--to", "here", "--offline")


def write_two_profiles(directory: Path, prod: str, here: str) -> None:
    """The profiles `prod` and `here`, with these prefixes of their root `default`."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    profiles = (
        f'[profile.{name}]\nregistry = "central"\norganization = "{ORGANIZATION}"\nworkspace = "{workspace}"\n'
        for name, workspace in WORKSPACES.items()
    )
    (directory / "config.toml").write_text(f'[registry.central]\nurl = "{REGISTRY}"\n\n' + "\n".join(profiles))
    cached = [
        {
            "registry_url": REGISTRY,
            "organization_id": ORGANIZATION,
            "workspace_id": WORKSPACES[name],
            "target_roots": {"default": prefix},
        }
        for name, prefix in (("prod", prod), ("here", here))
    ]
    (directory / "target-root-cache.json").write_text(json.dumps(cached))

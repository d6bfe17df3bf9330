"""The port `State` in memory."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from stardag.domain.configuration import StardagDirectory
from stardag.domain.layers import Notice
from stardag.domain.remembered import CachedRoots, Remembered, WorkspaceIdentity

Key = tuple[str, ...]


@dataclass
class Kept:
    """What is kept for one stardag directory; `awaited` are the workspaces to sync before the cache is whole again."""

    identities: Mapping[Key, WorkspaceIdentity] = field(default_factory=dict[Key, WorkspaceIdentity])
    roots: Mapping[Key, CachedRoots] = field(default_factory=dict[Key, CachedRoots])
    synced: set[Key] = field(default_factory=set[Key])
    is_corrupt: bool = False
    is_lost: bool = False


@dataclass
class FakeState:
    """Remembers without files; `spoil` makes the target-root cache of a directory unreadable."""

    directories: dict[str, Kept] = field(default_factory=dict[str, Kept])

    def spoil(self, directory: StardagDirectory) -> None:
        self._kept(directory).is_corrupt = True

    def read(self, directory: StardagDirectory) -> tuple[Remembered, tuple[Notice, ...]]:
        kept = self._kept(directory)
        path = os.path.join(directory.path, "target-root-cache.json")
        notices = (Notice("state-set-aside", f"{path} is corrupt; it counts as absent."),) if kept.is_corrupt else ()
        roots = () if kept.is_corrupt else tuple(kept.roots.values())
        return Remembered(path, tuple(kept.identities.values()), roots, kept.is_lost or kept.is_corrupt), notices

    def remember_identity(self, directory: StardagDirectory, identity: WorkspaceIdentity) -> None:
        kept = self._kept(directory)
        key = (identity.registry_url, identity.workspace_id)
        known = kept.identities.get(key)
        others = [other.beside(identity) for other_key, other in kept.identities.items() if other_key != key]
        identities = [*(other for other in others if other is not None), identity.after(known)]
        kept.identities = {(it.registry_url, it.workspace_id): it for it in identities}

    def remember_roots(self, directory: StardagDirectory, roots: CachedRoots) -> None:
        self.set_aside_corrupt_roots(directory)
        kept = self._kept(directory)
        key = (roots.registry_url, roots.organization_id, roots.workspace_id)
        kept.roots = {**kept.roots, key: roots._replace(target_roots=dict(roots.target_roots))}
        kept.synced.add(key)
        kept.is_lost = kept.is_lost and not kept.synced <= kept.roots.keys()

    def set_aside_corrupt_roots(self, directory: StardagDirectory) -> bool:
        kept = self._kept(directory)
        if not kept.is_corrupt:
            return False
        kept.is_corrupt, kept.is_lost, kept.roots = False, True, {}
        return True

    def _kept(self, directory: StardagDirectory) -> Kept:
        return self.directories.setdefault(directory.path, Kept())

"""The browser of whoever sits at this machine."""

import subprocess
import sys
import threading
from collections.abc import Mapping

PATIENCE = 3.0
"""Seconds after which a browser that is still being opened counts as open: some stay in the foreground."""

_OPEN = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"


class SystemBrowser:
    """Keeps the promise of the port `Browser`, by what the environment says."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def is_here(self) -> bool:
        """Whether there is a browser that this person would see: not over SSH, nor without a display."""
        if any(self._environment.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")):
            return False
        if sys.platform in ("darwin", "win32"):
            return True
        return any(self._environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))

    def open(self, url: str) -> bool:
        """Open a page. A process of its own does it, since browsers write to standard output, and some stay."""
        codes: list[int] = []
        thread = threading.Thread(target=lambda: codes.append(self._open(url)), daemon=True)
        thread.start()
        thread.join(PATIENCE)
        return thread.is_alive() or codes == [0]

    def _open(self, url: str) -> int:
        # -I: nothing that lies in the working directory is imported.
        command = [sys.executable, "-I", "-c", _OPEN, url]
        try:
            return subprocess.run(  # noqa: S603 (this very Python, and an address as data)
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(self._environment),
                check=False,
                start_new_session=True,
            ).returncode
        except OSError:
            return 1

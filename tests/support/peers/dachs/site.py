"""DaCHS' own folder, configuration and commands."""

from pathlib import Path

from tests.support.peers.dachs.postgres import DATABASE
from tests.support.peers.processes import Processes

PLACEHOLDER = "http://dachs.invalid"
"""The address DaCHS is prepared under; each run replaces it by its own."""

_CONFIGURATION = """
[general]
rootDir: {root}
group: {group}
gavoGroup: {group}
sendmail: cat > /dev/null
[web]
bindAddress: 127.0.0.1
serverPort: {port}
serverURL: {url}
sitename: ESAP test data centre
adaptProtocol: False
maxUploadSize: 20000000
maxSyncUploadSize: 20000000
[ivoa]
authority: esap.test
dalDefaultLimit: 10000
[async]
maxTAPRunning: 6
defaultMAXREC: 20000
hardMAXREC: 20000000
"""


class Site:
    """A DaCHS installation in a folder."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self.root = folder / "gavo"
        self.inputs = self.root / "inputs"
        self._folder = folder
        self._settings = folder / "gavo.rc"
        self._processes = processes

    def create(self) -> None:
        """Let DaCHS make its folders, its database roles and its own tables."""
        self._processes.account.folder(self.root)
        self._configure(url=PLACEHOLDER, port=80)
        self._command("init", "-d", f"host={self._folder} dbname={DATABASE}", cwd=self._folder)

    def dachs(self, *arguments: str) -> None:
        """Run a command; each takes a second before it does anything."""
        self._command(*arguments, cwd=self.inputs)

    def serve(self, port: int) -> None:
        """Start the server at that port, in the foreground."""
        self._configure(url=f"http://127.0.0.1:{port}", port=port)
        (self.root / "etc" / "dsn").write_text(
            f"database = {DATABASE}\nhost = {self._folder}\nport = 5432\n"
        )
        self._processes.spawn(
            "dachs", "serve", "start", "--foreground",
            log="dachs.log", env=self._environment(), cwd=self.inputs,
        )  # fmt: skip

    def _configure(self, *, url: str, port: int) -> None:
        self._settings.write_text(
            _CONFIGURATION.format(
                root=self.root, group=self._processes.account.group, url=url, port=port
            )
        )

    def _command(self, *arguments: str, cwd: Path) -> None:
        self._processes.run("dachs", *arguments, env=self._environment(), cwd=cwd)

    def _environment(self) -> dict[str, str]:
        return {
            "GAVOSETTINGS": str(self._settings),
            "GAVOCUSTOM": "/nonexistent",  # else a user's own ~/.gavorc would have its say
        }

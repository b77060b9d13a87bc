"""What a process and all it starts say to the kernel about the network and about files, by strace."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

#: no files on a disk; what is mapped there is shared memory
DEVICES = (Path("/dev"), Path("/proc"))
_NETWORK = "connect,sendto,sendmsg,sendmmsg"
_FILES = "open,openat,creat,mkdir,mkdirat,link,linkat,symlink,symlinkat,mknod,mknodat"
_DNS = 53
#: a line of strace -y: the call, what it was given, and what it gave back
_CALL = re.compile(r"(?P<name>\w+)\((?P<given>.*)\) += (?P<result>\S.*)")
_SOCKET = re.compile(r'htons\((?P<port>\d+)\).*?(?:inet_addr\("(?P<v4>[^"]+)"\)|inet_pton\(AF_INET6, "(?P<v6>[^"]+)")')
#: nscd is asked for users, too
_RESOLVERS = re.compile(r'sun_path="[^"]*(?:resolve|mdns|avahi)[^"]*"')
_WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT")


class Trace:
    """`command` runs a program whose calls are then noted in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        # -D: the program is the child of who starts it, and gets its signals; -ff: a file for each thread, so that no line
        # is torn; -y: paths for descriptors
        options = ["-D", "-ff", "-y", "-q", "--seccomp-bpf", "-s", "256", "-e", f"trace={_NETWORK},{_FILES}"]
        self.command = ["strace", *options, "-o", str(folder / "calls"), "--"]

    @property
    def complete(self) -> bool:
        """Whether every thread of it has ended."""
        return all("\n+++ " in f"\n{file.read_text(errors='replace')}"[-120:] for file in self.folder.iterdir())

    def outside(self) -> set[str]:
        """Questions to a name server, and connections and messages to any machine but this one."""
        return {line for _, line in self._calls(_NETWORK) if _leads_outside(line)}

    def written(self) -> set[Path]:
        """Every file, folder and link that was made or opened for writing; paths that are relative name none."""
        return {path for name, line in self._calls(_FILES) if (path := _written(name, line))}

    def _calls(self, names: str) -> Iterator[tuple[str, str]]:
        wanted = set(names.split(","))
        for file in self.folder.iterdir():
            for line in file.read_text(errors="replace").splitlines():
                found = _CALL.match(line)
                if found and found["name"] in wanted:
                    yield found["name"], line


def _leads_outside(line: str) -> bool:
    if _RESOLVERS.search(line):
        return True
    return any(
        int(found["port"]) == _DNS or not ip_address(found["v4"] or found["v6"]).is_loopback
        for found in _SOCKET.finditer(line)
    )


def _written(name: str, line: str) -> Path | None:
    call = _CALL.match(line)
    assert call
    if call["result"].startswith(("-1", "?")):
        return None
    if name in ("open", "openat", "creat"):  # the descriptor's own path is whole
        opened = re.match(r"\d+<(.*)>", call["result"])
        return Path(opened[1]) if opened and (name == "creat" or _WRITES.search(call["given"])) else None
    made = re.findall(r'"((?:[^"\\]|\\.)*)"', call["given"])[-1:]
    return Path(made[0]) if made and made[0].startswith("/") else None


def require_strace(folder: Path) -> None:
    """Skip the test where processes cannot be traced."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed, so what processes connect to and write is not seen")
    tried = subprocess.run([*Trace(folder).command, "true"], capture_output=True, text=True, check=False, timeout=60)
    if tried.returncode or not any(folder.iterdir()):
        pytest.skip(f"strace cannot trace here, so what processes connect to and write is not seen: {tried.stderr}")

"""What strace saw of a process's files: what of it a loss of power would leave."""

import re
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

_CALLS = (
    "openat,write,writev,pwrite64,pwritev,pwritev2,ftruncate,copy_file_range,sendfile,sendto,sendmsg,"
    "fsync,fdatasync,syncfs,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat"
)
_LINE = re.compile(r"(\d+) +(?:<\.\.\. \w+ resumed>(.*)|(\w+\(.*))$", re.DOTALL)
_DONE = re.compile(r"(\w+)\((.*)\) += (-?\d+)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FD = re.compile(r"^\d+<([^>]*)>")


def command(log):
    """What to put before a program, to have it watched."""
    return ["strace", "-f", "-yy", "-xx", "-s", str(1 << 26), "-e", f"trace={_CALLS}", "-o", str(log)]


def works():
    """Whether strace is there and may trace."""
    try:
        return subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@dataclass
class Call:
    """A system call that has returned: its name, arguments as text, strings in them as bytes, and result."""

    name: str
    arguments: str
    result: int

    @property
    def strings(self):
        return [bytes.fromhex(found.replace("\\x", "")) for found in _STRING.findall(self.arguments)]

    @property
    def paths(self):
        return [found.decode() for found in self.strings]

    @property
    def descriptor(self):
        """What the first argument is a descriptor of: a path, or a socket in strace's words."""
        found = _FD.match(self.arguments)
        return _unescaped(found[1]) if found else ""


def calls(log):
    """The calls of a trace that succeeded, in the order in which they returned."""
    begun = {}
    with Path(log).open() as lines:
        for line in lines:
            found = _LINE.match(line.rstrip("\n"))
            if not found:
                continue
            pid, rest, whole = found[1], found[2], found[3]
            if whole is not None and whole.endswith("<unfinished ...>"):
                begun[pid] = whole.removesuffix("<unfinished ...>").rstrip()
                continue
            done = _DONE.match(whole if whole is not None else begun.pop(pid, "") + rest)
            if done and not done[3].startswith("-"):
                yield Call(done[1], done[2], int(done[3]))


def _unescaped(text):
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), text)


@dataclass
class File:
    """What was written to a file, and what of it has been fsynced."""

    data: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


class Disk:
    """The files under `root`, as they are and as they would be after a loss of power.

    The strictest reading of POSIX: of a file there is what it held at its last fsync, under the names that its folders
    had at theirs. What was created and is in no fsynced folder is gone; what was not fsynced is empty.
    """

    def __init__(self, root):
        self.root = str(root)
        self.live = {}
        self.folders = {self.root}
        self.durable = defaultdict(dict)

    def apply(self, call):
        match call.name:
            case "openat":
                if "O_CREAT" in call.arguments:
                    self._create(call.paths[0], "O_TRUNC" in call.arguments)
            case "write" | "pwrite64":
                self._write(call)
            case "fsync" | "fdatasync":
                self._sync(call.descriptor)
            case "syncfs":
                for path in [*self.live, *self.folders]:
                    self._sync(path)
            case "rename" | "renameat" | "renameat2":
                old, new = call.paths
                if self._ours(old):
                    assert old in self.live, f"a folder was renamed: {old}"
                    self.live[new] = self.live.pop(old)
            case "link" | "linkat":
                old, new = call.paths
                if self._ours(old):
                    self.live[new] = self.live[old]
            case "unlink" | "unlinkat":
                self.live.pop(call.paths[0], None)
                self.folders.discard(call.paths[0])
            case "mkdir" | "mkdirat":
                if self._ours(call.paths[0]):
                    self.folders.add(call.paths[0])
            case "writev" | "pwritev" | "pwritev2" | "ftruncate" | "copy_file_range" | "sendfile":
                assert not self._ours(call.descriptor), f"{call.name} is not followed: {call.descriptor}"

    def _ours(self, path):
        return path.startswith(self.root + "/")

    def _create(self, path, emptied):
        if self._ours(path):
            file = self.live.setdefault(path, File())
            if emptied:
                file.data.clear()

    def _write(self, call):
        file = self.live.get(call.descriptor)
        if file is None:
            return
        data = call.strings[0][: call.result]
        # What is not written at a place given is written at the end: Lance and our own files do nothing else.
        start = len(file.data) if call.name == "write" else int(call.arguments.rsplit(", ", 1)[1])
        file.data[start : start + len(data)] = data

    def _sync(self, path):
        if path in self.live:
            self.live[path].durable = bytes(self.live[path].data)
        elif path in self.folders:
            self.durable[path] = self._entries(path)

    def _entries(self, folder):
        inside = {path: file for path, file in self.live.items() if path.rpartition("/")[0] == folder}
        return inside | {path: None for path in self.folders if path.rpartition("/")[0] == folder}

    def volatile(self):
        """Paths that a loss of power would take or spoil now."""
        for path, file in self.live.items():
            if file.durable != bytes(file.data) or not self._named(path, file):
                yield path

    def _named(self, path, file):
        folder = path.rpartition("/")[0]
        if self.durable[folder].get(path, "none") is not file:
            return False
        return folder == self.root or self._named(folder, None)

    def left(self, target):
        """Write what a loss of power would leave now into the folder `target`."""
        self._left(self.root, Path(target))

    def _left(self, folder, target):
        target.mkdir(parents=True)
        for path, file in self.durable[folder].items():
            name = path.rpartition("/")[2]
            if file is None:
                self._left(path, target / name)
            else:
                (target / name).write_bytes(file.durable)

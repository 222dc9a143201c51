"""What the system tests share: callers of every kind, the state of servers, mounts and processes, and clean slates.

Nothing here sleeps: states are waited for on the bus (Job.Wait, systemd's jobs) or by the end of a process.
"""
import contextlib
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import pwd
import re
import subprocess
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
NAME = "org.left4me.Manager"
MANAGER = "/org/left4me/Manager"
INSTALLATION = "/org/left4me/installation"
STATE_DIR = pathlib.Path("/var/lib/left4me")
GAME = "/srv/game"
PYTHON = "/usr/bin/python3"
JOB_TIMEOUT = 120
# Who may not, and who might if he gave a password, which no caller here can.
DENIED = {"AccessDenied", "InteractiveAuthorizationRequired"}

loader = importlib.machinery.SourceFileLoader("query", str(HERE.parent / "stand-ins" / "query"))
query = importlib.util.module_from_spec(importlib.util.spec_from_loader("query", loader))
loader.exec_module(query)


class BusError(Exception):
    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")
        self.name = name
        self.short = name.rpartition(".")[2]
        self.message = message


class JobError(BusError):
    """A job that ended otherwise than done."""


class Caller:
    """A connection to the bus as one user; calls of one caller follow each other, several callers work at once."""

    def __init__(self, user="root"):
        account = pwd.getpwnam(user)
        groups = os.getgrouplist(user, account.pw_gid)
        self.uid = account.pw_uid
        self.process = subprocess.Popen(
            [PYTHON, HERE / "agent.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            user=account.pw_uid, group=account.pw_gid, extra_groups=groups,
            env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"})

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def send(self, path, interface, method, signature="", *arguments, timeout=JOB_TIMEOUT):
        """Begins a call; receive() ends it."""
        request = [path, interface, method, signature, arguments, timeout]
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the caller's process died")
        reply = json.loads(line)
        if "error" in reply:
            raise BusError(reply["error"], reply["message"])
        return reply["result"]

    def call(self, path, interface, method, signature="", *arguments, **keywords):
        self.send(path, interface, method, signature, *arguments, **keywords)
        return self.receive()

    def get(self, path, interface, name):
        return self.call(path, "org.freedesktop.DBus.Properties", "Get", "ss", f"org.left4me.{interface}", name)

    def manager(self, method, signature="", *arguments):
        return self.call(MANAGER, "org.left4me.Manager", method, signature, *arguments)

    # Objects

    def server(self, name):
        return self.manager("GetServer", "s", name)

    def blueprint(self, name):
        return self.manager("GetBlueprint", "s", name)

    def overlay(self, name):
        return self.manager("GetOverlay", "s", name)

    def property(self, name, which):
        return self.get(self.server(name), "Server", which)

    # Jobs

    def wait(self, job, timeout=JOB_TIMEOUT):
        """The end of a job; JobError where it did not do what it was to do."""
        result, error, message = self.call(job, "org.left4me.Job", "Wait", "ta{sv}", timeout * 1000000, {},
                                           timeout=timeout + 5)
        if result != "done":
            raise JobError(error or f"org.left4me.Error.{result}", message)

    def verb(self, name, method, options=None):
        """Start, Stop, Restart, Reset or Delete of a server, to its end."""
        self.wait(self.call(self.server(name), "org.left4me.Server", method, "a{sv}", options or {}))

    def start(self, name):
        self.verb(name, "Start")

    def stop(self, name):
        self.verb(name, "Stop")

    def restart(self, name):
        self.verb(name, "Restart")

    # Content

    def import_game(self, path=GAME):
        self.wait(self.call(INSTALLATION, "org.left4me.Installation", "ImportDirectory", "sa{sv}", str(path), {}))

    def make_overlay(self, name, files, **options):
        """An overlay of the given files, path to text."""
        path = self.manager("CreateOverlay", "ssa{sv}", name, "files", options)
        self.edit(path, files)
        return path

    def edit(self, overlay, files):
        changes = [["write", path, text] for path, text in files.items()]
        self.call(overlay, "org.left4me.Overlay", "EditFiles", "a(ssay)a{sv}", changes, {})

    def make_blueprint(self, name, overlays=(), arguments=(), config=()):
        return self.manager("CreateBlueprint", "sa{sv}a{sv}", name,
                            {"overlays": ["as", list(overlays)], "arguments": ["as", list(arguments)],
                             "config": ["as", list(config)]}, {})

    def make_server(self, name, blueprint, **options):
        return self.manager("CreateServer", "ssa{sv}", name, blueprint, options)

    def delete_server(self, name):
        self.verb(name, "Delete")


class SystemTest(unittest.TestCase):
    """Callers of every kind, the game installed, and nothing left of what a test made."""

    @classmethod
    def setUpClass(cls):
        cls.root = Caller("root")
        cls.addClassCleanup(cls.root.close)
        for user in ("alice", "bob", "adam", "mallory"):
            caller = Caller(user)
            setattr(cls, user, caller)
            cls.addClassCleanup(caller.close)
        if cls.root.get(INSTALLATION, "Installation", "BuildId") == "":  # nothing, or what another test imported
            cls.root.import_game()

    def setUp(self):
        self.addCleanup(clear, self.root)

    def refused(self, error, function, *arguments, **keywords):
        """The call fails with this error, or one of these; returns it for a look at the message."""
        with self.assertRaises(BusError) as caught:
            function(*arguments, **keywords)
        self.assertIn(caught.exception.short, {error} if isinstance(error, str) else error, str(caught.exception))
        return caught.exception

    def assert_down(self, name):
        self.assertEqual(mounts(name), [], "mounts left")
        self.assertEqual(unit_property(server_unit(name), "ActiveState") in ("inactive", "failed"), True)
        self.assertEqual(unit_property(mount_unit(name), "ActiveState"), "inactive")

    def assert_answers(self, server, **expected):
        """The game of a server answers on its port, with these fields of A2S_INFO."""
        found = ask_patiently(self.root.property(server, "Port"))
        self.assertEqual({key: found[key] for key in expected}, expected)
        return found


def clear(root):
    """Removes every server, blueprint and overlay."""
    objects = root.call("/org/left4me", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    jobs = [root.call(path, "org.left4me.Server", "Delete", "a{sv}", {})
            for path, interfaces in objects.items() if "org.left4me.Server" in interfaces]
    for job in jobs:
        root.wait(job)
    for kind in ("Blueprint", "Overlay"):
        for path, interfaces in objects.items():
            if f"org.left4me.{kind}" in interfaces:
                with contextlib.suppress(BusError):  # a server's own blueprint went with the server
                    root.call(path, f"org.left4me.{kind}", "Delete", "a{sv}", {})


# The host, as root sees it

def server_unit(name):
    return f"left4me-server@{name}.service"


def mount_unit(name):
    return f"left4me-mount@{name}.service"


def unit_property(unit, name):
    return run(["systemctl", "show", "--value", "-p", name, unit]).stdout.strip()


def main_pid(name):
    return int(unit_property(server_unit(name), "MainPID"))


def manager_pid():
    return int(unit_property("left4me-manager.service", "MainPID"))


def run(argv, check=True, timeout=120, **keywords):
    return subprocess.run(argv, check=check, capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, **keywords)


def run_as(user, argv, check=True, **keywords):
    return run(["runuser", "-u", user, "--", *argv], check=check, **keywords)


def mounts(name=None):
    """Composed trees mounted in any mount name space: (pid, line) of the first process of each."""
    wanted = re.compile(rb" left4me:" + (re.escape(name.encode()) + rb" " if name else b""))
    found, seen = [], set()
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            space = os.readlink(process / "ns/mnt")
            if space in seen:
                continue
            seen.add(space)
            lines = (process / "mountinfo").read_bytes().splitlines()
        except OSError:
            continue  # it ended meanwhile
        found += [(process.name, line.decode()) for line in lines if wanted.search(line)]
    return found


def rcon_password(name):
    text = (STATE_DIR / "servers" / name / "generated/left4dead2/cfg/left4me/server.cfg").read_text()
    return re.findall(r'^rcon_password\s+"?([^"\s]+)', text, re.MULTILINE)[-1]


def rcon(name, command, root):
    return query.rcon("127.0.0.1", root.property(name, "Port"), rcon_password(name), command)


def ask_patiently(port, seconds=10):
    """A2S_INFO; a game that systemd started needs a moment until its port is open. The kernel says so by an error on
    the socket, at once, and there is no event for the opposite."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return query.info("127.0.0.1", port, 1.0)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def eventually(condition, what, seconds=20):
    """For what the host changes by itself, without an event that a test could subscribe to."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident(pid):
    """Its own resident memory in KiB. Not its share of libraries: that grows when another process ends."""
    return int(re.search(r"^RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1])


class Tracer:
    """strace of the file-system calls of a process, attached when the constructor returns."""

    def __init__(self, pid, output):
        # strace says on its standard error when it is attached; that is the event to wait for.
        self.process = subprocess.Popen(
            ["strace", "-f", "-e", "trace=%file,ftruncate,fsync,fdatasync", "-o", output, "-p", str(pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        if "attached" not in line:
            self.process.wait()
            raise AssertionError(f"strace: {line}")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()

"""A world for the real manager: its own mounts, processes and network, a private bus, and mocks of systemd and polkit
that live in the test's process, so that a test decides what they answer, and when.

The manager's paths are fixed and stay so: the test enters namespaces in which /etc is a writable copy and /run and
/var/lib are empty. Run a test file with the path of the manager as first argument.
"""
import atexit
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

import polkit  # noqa: E402
import systemd1  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
STATE = pathlib.Path("/var/lib/left4me")
RUN = pathlib.Path("/run/left4me")
DATABASE = STATE / "manager.db"
WANTS = pathlib.Path("/etc/systemd/system/multi-user.target.wants")
SOCKET = "/run/dbus/system_bus_socket"
ADDRESS = "unix:path=" + SOCKET

NAME = "org.left4me.Manager"
ROOT = "/org/left4me"
MANAGER = ROOT + "/Manager"
INSTALLATION = ROOT + "/installation"
PROPERTIES = "org.freedesktop.DBus.Properties"
ERROR = "org.left4me.Error."
STANDARD = "org.freedesktop.DBus.Error."
DENIED = STANDARD + "AccessDenied"
INVALID = STANDARD + "InvalidArgs"

# The callers that are not root; only this world's /etc/passwd knows them.
USERS = range(1001, 1013)

# The longest that anything here may take: a test that waits for what never comes ends with an error, not never.
LIMIT = 20

# The manager's own policy is the one that is installed; the rest is what Debian's system bus says.
BUS_CONFIG = f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>{ADDRESS}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <policy user="root">
    <allow own="org.freedesktop.systemd1"/>
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow send_destination="org.freedesktop.systemd1"/>
    <allow send_destination="org.freedesktop.PolicyKit1"/>
  </policy>
  <include>{TOP}/dbus/org.left4me.Manager.conf</include>
</busconfig>
"""

SANITIZERS = ("AddressSanitizer", "LeakSanitizer", "runtime error:")


def enter():
    """Runs this script again in namespaces of its own; what it started is gone with it."""
    if os.getpid() == 1:
        return
    if os.geteuid() != 0:
        sys.exit("tests/bus: root is needed, for namespaces and for callers of several users")
    os.execvp("unshare", ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
                          "--propagation", "private", sys.executable, *sys.argv])


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def make_mounts():
    aside = tempfile.mkdtemp(prefix="left4me-bus-")
    mount("-t", "tmpfs", "aside", aside)
    os.mkdir(aside + "/upper", 0o755)
    os.mkdir(aside + "/work")
    mount("-t", "overlay", "etc", "-o", f"lowerdir=/etc,upperdir={aside}/upper,workdir={aside}/work", "/etc")
    mount("-t", "tmpfs", "-o", "mode=755", "run", "/run")
    mount("-t", "tmpfs", "-o", "mode=755", "lib", "/var/lib")
    atexit.register(lambda: (subprocess.run(["umount", "--lazy", aside], check=False), os.rmdir(aside)))
    os.mkdir("/run/dbus")
    with open("/etc/passwd", "a", encoding="utf-8") as passwd:
        for uid in USERS:
            passwd.write(f"l4test{uid}:x:{uid}:{uid}::/:/usr/sbin/nologin\n")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def empty(folder):
    for entry in pathlib.Path(folder).glob("*"):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def make_tree():
    """The directories that systemd-tmpfiles makes, from its own file; all of them root's, who is alone here."""
    for line in (TOP / "units/left4me.tmpfiles").read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if fields[:1] == ["d"]:
            pathlib.Path(fields[1]).mkdir(parents=True, exist_ok=True)
            os.chmod(fields[1], int(fields[2], 8))
    WANTS.mkdir(parents=True, exist_ok=True)


class Gone(Exception):
    """The manager ended while something was expected of it."""


class BusError(Exception):
    def __init__(self, error):
        self.name = Gio.DBusError.get_remote_error(error) or "none"
        self.message = Gio.DBusError.strip_remote_error(error) and error.message or error.message
        super().__init__(f"{self.name}: {self.message}")


class Pending:
    """A call that was sent: its result or error once the answer is there."""

    def __init__(self):
        self.done = False
        self.value = None
        self.error = None

    def finish(self, connection, result, _data=None):
        try:
            reply, fds = connection.call_with_unix_fd_list_finish(result)
            self.value = reply.unpack()
            if fds is not None:
                self.fds = fds.steal_fds()
        except GLib.Error as error:
            self.error = BusError(error)
        self.done = True

    def result(self):
        wait(lambda: self.done, "an answer")
        if self.error:
            raise self.error
        return self.value[0] if len(self.value) == 1 else self.value


def wait(condition, what, limit=LIMIT):
    """Runs the loop until the condition holds. The tick is for conditions that no event of the loop tells of."""
    end = time.monotonic() + limit
    tick = GLib.timeout_add(10, lambda: True)
    context = GLib.MainContext.default()
    try:
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"waited {limit} s for {what}")
            context.iteration(True)
    finally:
        GLib.source_remove(tick)


def options(**values):
    """a{sv}: keys with '_' for '-', values as (type, value)."""
    return {k.replace("_", "-"): GLib.Variant(*v) for k, v in values.items()}


def with_bytes(before, size, after):
    """Arguments with an "ay" of that size in the middle; converting so many one by one takes seconds."""
    data = GLib.Variant.new_from_bytes(GLib.VariantType("ay"), GLib.Bytes.new(b"x" * size), True)
    return GLib.Variant.new_tuple(*before, data, *after)


def label(name):
    """As sd_bus_path_encode(3)."""
    return "".join(c if c.isalpha() or (c.isdigit() and i > 0) else f"_{ord(c):02x}" for i, c in enumerate(name))


def server(name):
    return ROOT + "/server/" + label(name)


def blueprint(name):
    return ROOT + "/blueprint/" + label(name)


def overlay(name):
    return ROOT + "/overlay/" + label(name)


def interface_of(path):
    kind = path[len(ROOT) + 1:].partition("/")[0]
    return "org.left4me." + kind[:1].upper() + kind[1:]


class Caller:
    """A connection of a user to the bus."""

    def __init__(self, uid):
        self.uid = uid
        os.seteuid(uid)
        try:
            self.connection = Gio.DBusConnection.new_for_address_sync(
                ADDRESS, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
                Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        finally:
            os.seteuid(0)
        self.connection.set_exit_on_close(False)
        self.name = self.connection.get_unique_name()

    def begin(self, path, method, signature="()", *arguments, interface=None, fds=(), interactive=False):
        pending = Pending()
        if "." in method:
            interface, _, method = method.rpartition(".")
        flags = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION if interactive else Gio.DBusCallFlags.NONE
        body = signature if isinstance(signature, GLib.Variant) else GLib.Variant(signature, arguments)
        self.connection.call_with_unix_fd_list(
            NAME, path, interface or interface_of(path), method, body, None, flags,
            600 * 1000, Gio.UnixFDList.new_from_array([os.dup(fd) for fd in fds]), None, pending.finish, None)
        return pending

    def call(self, *arguments, **keywords):
        return self.begin(*arguments, **keywords).result()

    def get(self, path, name):
        return self.call(path, PROPERTIES + ".Get", "(ss)", interface_of(path), name)

    def get_all(self, path):
        return self.call(path, PROPERTIES + ".GetAll", "(s)", interface_of(path))

    def subscribe(self, member=None, path=None):
        """A list that grows with each signal of the manager: (path, member, arguments)."""
        seen = []
        self.connection.signal_subscribe(
            NAME, None, member, path, None, Gio.DBusSignalFlags.NONE,
            lambda _c, _s, where, _i, name, values: seen.append((where, name, values.unpack())))
        # AddMatch is answered in order: what comes after this reply is seen.
        self.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId",
                                  None, None, Gio.DBusCallFlags.NONE, -1, None)
        return seen

    def close(self):
        self.connection.close_sync(None)


class Manager:
    """The process."""

    def __init__(self, program, log, prefix=(), env=None, watchdog=None):
        self.notified = []
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        path = f"/run/notify-{time.monotonic_ns()}"
        self.notify.bind(path)
        self.watch = GLib.io_add_watch(self.notify.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_IN, self.on_notify)
        self.log = log
        environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": ADDRESS, "NOTIFY_SOCKET": path, **(env or {})}
        if watchdog:
            environment["WATCHDOG_USEC"] = str(watchdog)
        with open(log, "ab") as stream:
            self.began = stream.tell()
            self.process = subprocess.Popen([*prefix, program], env=environment, cwd="/", stdin=subprocess.DEVNULL,
                                            stdout=stream, stderr=stream)

    def on_notify(self, _fd, _condition):
        self.notified += self.notify.recv(4096).decode().splitlines()
        return True

    def alive(self):
        return self.process.poll() is None

    def wait_ready(self):
        wait(lambda: "READY=1" in self.notified or not self.alive(), "the manager's READY=1")
        if not self.alive():
            raise Gone(self.output())

    def output(self):
        return pathlib.Path(self.log).read_text(encoding="utf-8", errors="replace")[self.began:]

    def end(self, number=signal.SIGTERM):
        """Returns the exit status and how long it took; answers it while it ends."""
        began = time.monotonic()
        if self.alive():
            self.process.send_signal(number)
        wait(lambda: not self.alive(), "the manager's end")
        self.close()
        return self.process.returncode, time.monotonic() - began

    def close(self):
        if self.watch:
            GLib.source_remove(self.watch)
            self.notify.close()
            self.watch = None


class World(unittest.TestCase):
    """One manager, systemd, polkit, and callers as a test asks for them."""

    program = ""
    start_manager = True
    state_size = None  # of the file system below STATE; None: whatever there is

    def setUp(self):
        self.log = tempfile.NamedTemporaryFile(prefix="manager-", suffix=".log")
        self.callers = []
        self.clean()
        self.start_bus()
        self.systemd = systemd1.Systemd(ADDRESS)
        self.systemd.on_store = self.helper
        self.n_commits = 0
        self.polkit = polkit.Polkit(ADDRESS)
        self.manager = None
        self.root = self.caller(0)
        if self.start_manager:
            self.start()

    def clean(self):
        subprocess.run(["umount", "--quiet", STATE], check=False, stderr=subprocess.DEVNULL)
        for folder in (STATE, RUN, "/etc/userdb", "/etc/left4me"):
            empty(folder)
        for entry in pathlib.Path("/etc/systemd/system").glob("left4me-*"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        WANTS.mkdir(parents=True, exist_ok=True)
        for entry in WANTS.glob("left4me-*"):
            entry.unlink()
        STATE.mkdir(exist_ok=True)
        if self.state_size:
            mount("-t", "tmpfs", "-o", f"size={self.state_size},mode=711", "state", str(STATE))
        make_tree()

    def start_bus(self):
        pathlib.Path(SOCKET).unlink(missing_ok=True)
        config = pathlib.Path("/run/bus.conf")
        config.write_text(BUS_CONFIG, encoding="utf-8")
        self.daemon = subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile",
                                        "--nosyslog", "--print-address"], stdout=subprocess.PIPE, text=True,
                                       stderr=subprocess.DEVNULL)
        self.assertTrue(self.daemon.stdout.readline())

    def tearDown(self):
        try:
            if self.manager and self.manager.alive():
                code, _ = self.manager.end()
                self.assertEqual(code, 0, "the manager's exit status")
            output = pathlib.Path(self.log.name).read_text(encoding="utf-8", errors="replace")
            for word in SANITIZERS:
                self.assertNotIn(word, output)
        finally:
            self.show_log()
            for peer in (*self.callers, self.systemd, self.polkit):
                if peer.connection and not peer.connection.is_closed():
                    peer.close()
            self.daemon.kill()
            self.daemon.wait()
            self.daemon.stdout.close()
            if self.manager:
                self.manager.close()
            self.log.close()

    def show_log(self):
        outcome = self._outcome.result
        if any(test is self for test, _ in outcome.failures + outcome.errors) or sys.exc_info()[0]:
            print(f"--- log of the manager in {self.id()}", file=sys.stderr)
            sys.stderr.write(pathlib.Path(self.log.name).read_text(encoding="utf-8", errors="replace")[-6000:])

    # The manager

    def start(self, **keywords):
        self.manager = Manager(self.program, self.log.name, **keywords)
        self.manager.wait_ready()

    def kill(self):
        """As a power cut would end it, but for the kernel's memory."""
        self.manager.process.kill()
        self.manager.process.wait()
        self.manager.close()
        self.wait_name_gone()

    def wait_name_gone(self):
        def gone():
            return not self.root.connection.call_sync(
                "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner",
                GLib.Variant("(s)", (NAME,)), None, Gio.DBusCallFlags.NONE, -1, None).unpack()[0]
        wait(gone, "the bus to notice the manager's end")

    def restart(self):
        self.kill()
        self.start()

    def expect_no_start(self):
        """Starts the manager, which must refuse; returns what it said."""
        self.manager = Manager(self.program, self.log.name)
        wait(lambda: not self.manager.alive(), "the manager's refusal")
        self.assertNotIn("READY=1", self.manager.notified)
        self.assertEqual(self.manager.process.returncode, 1)
        return self.manager.output()

    def caller(self, uid):
        caller = Caller(uid)
        self.callers.append(caller)
        return caller

    # What is in it

    def sql(self, statement, *arguments):
        """Of a manager that does not run."""
        with sqlite3.connect(DATABASE) as database:
            rows = database.execute(statement, arguments).fetchall()
        database.close()
        return rows

    def helper(self, run):
        """What the store's helper does with a request, as far as the manager can see."""
        run.write(json.dumps({"result": self.work(json.loads(run.request))}))
        run.end()

    def work(self, request):
        if request["op"] in ("import", "edit"):
            return {"commit": self.make_commit(), "files": 1, "size": 4}
        return {"checkout": lambda: {"commit": request["commit"]}, "export": lambda: {"size": 4},
                "prune": lambda: {"objects": 0, "bytes": 0}, "verify": lambda: {"objects": 1},
                "discard": dict}[request["op"]]()

    def make_commit(self, files=None):
        """A checkout as the store leaves it."""
        self.n_commits += 1
        commit = f"{self.n_commits:064x}"
        tree = STATE / "checkouts" / commit
        for path, text in (files or {"file": "text"}).items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text, encoding="utf-8")
        return commit

    def install(self):
        """A game, by the way that an administrator takes."""
        job = self.root.call(INSTALLATION, "ImportDirectory", "(sa{sv})", "/srv/game", {})
        self.assertEqual(self.end_of(job)[0], "done")

    def make_server(self, name="alpha", caller=None, port=None, blueprint_name="coop"):
        caller = caller or self.root
        try:
            self.root.call(MANAGER, "GetBlueprint", "(s)", blueprint_name)
        except BusError:
            caller.call(MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", blueprint_name, {}, {})
        return caller.call(MANAGER, "CreateServer", "(ssa{sv})", name, blueprint_name,
                           options(port=("q", port)) if port else {})

    def end_of(self, job, caller=None):
        """(result, error, message) of a job, waited for."""
        return (caller or self.root).call(job, "Wait", "(ta{sv})", 60 * 10**6, {})

    def state_of(self, job):
        return self.root.get(job, "State")

    def wait_check(self, count=1):
        """Until polkit was asked that often in all; the last question."""
        wait(lambda: len(self.polkit.checks) >= count, f"question {count} to polkit")
        return self.polkit.checks[count - 1]

    def refused(self, name, call, *arguments, **keywords):
        """The call fails with that error; returns its message."""
        with self.assertRaises(BusError) as caught:
            call(*arguments, **keywords)
        self.assertEqual(caught.exception.name, name if "." in name else ERROR + name, caught.exception.message)
        return caught.exception.message

    def assert_quick(self, caller=None):
        """Reads answer within 50 ms, as most of twenty do even where a machine is busy with something else."""
        took = []
        for _ in range(20):
            began = time.monotonic()
            (caller or self.root).get(MANAGER, "NJobs")
            took.append(time.monotonic() - began)
        self.assertLess(sorted(took)[10], 0.05)


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: TEST MANAGER [unittest arguments]")
    enter()
    make_mounts()
    World.program = os.path.abspath(sys.argv.pop(1))
    unittest.main(module="__main__", verbosity=2)

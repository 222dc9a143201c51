#!/usr/bin/python3
"""left4mectl against a mock of the manager on a private bus: what it calls, prints and exits with.

Run with the path of the program as first argument. The mock is this file too, as a process of its own that can die:
the names of its servers say how it behaves (see JOBS and ERRORS)."""

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import dbus
import dbus.lowlevel
import dbus.mainloop.glib
from gi.repository import GLib

NAME = "org.left4me.Manager"
ROOT = "/org/left4me"
PROPERTIES = "org.freedesktop.DBus.Properties"
ERROR = "org.left4me.Error."
FREEDESKTOP = "org.freedesktop.DBus.Error."
TIMEOUT = 30

# What a call on a server of that name answers with at once.
ERRORS = {
    "denied": (FREEDESKTOP + "AccessDenied", "Permission denied"),
    "challenge": (FREEDESKTOP + "InteractiveAuthorizationRequired", "A password is needed"),
    "busy": (ERROR + "Busy", "Another operation runs"),
    "hollow": (ERROR + "NotInstalled", "Nothing is installed"),
    "idle": (ERROR + "NotRunning", "It does not run"),
    "conflict": (ERROR + "RevisionConflict", "It was changed meanwhile"),
}

# How a job on a server of that name ends: result, error, message, and after how many milliseconds.
JOBS = {
    "alpha": ("done", "", "", 20),
    "beta": ("done", "", "", 20),
    "slow": ("done", "", "", 600),
    "endless": ("done", "", "", 3600 * 1000),
    "early": ("done", "", "", 0),
    "fails": ("failed", ERROR + "StartFailed", "exited with status 1\x1b[31m\nsecond line", 20),
    "mute": ("failed", ERROR + "MountFailed", "", 20),
    "quits": ("cancelled", ERROR + "Cancelled", "Cancelled by unix:7", 20),
    "crasher": ("done", "", "", 3600 * 1000),
    "eater": ("done", "", "", 20),
}

# Open to all users: root's tests have to be somebody else too.
BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=%s/bus</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""

NOBODY = 65534

OVERLAY_FILES = [("f%03d" % i, "file", i, 0o644) for i in range(300)]


class Mock:
    """One manager. journal: a file of one JSON line per call; state: a file that outlives this process, with the
    calls that were accepted by their request-id and the jobs."""

    def __init__(self, folder):
        dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
        self.folder = folder
        self.bus = dbus.bus.BusConnection(os.environ["DBUS_SYSTEM_BUS_ADDRESS"])
        self.bus._register_object_path("/", self.on_call, fallback=True)
        self.jobs = {}
        self.requests = {}
        self.generation = 7
        path = os.path.join(folder, "state.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                state = json.load(file)
            self.requests = state["requests"]
            # What an earlier manager began, this one has finished.
            self.jobs = {int(k): {**v, "result": ["done", "", ""]} for k, v in state["jobs"].items()}
        self.bus.request_name(NAME, dbus.bus.NAME_FLAG_DO_NOT_QUEUE)
        print("ready", flush=True)

    def save(self):
        with open(os.path.join(self.folder, "state.json"), "w", encoding="utf-8") as file:
            json.dump({"requests": self.requests, "jobs": self.jobs}, file)

    def record(self, **entry):
        with open(os.path.join(self.folder, "journal"), "a", encoding="utf-8") as file:
            file.write(json.dumps(entry, default=str) + "\n")
        print(entry.get("method"), flush=True)

    def on_call(self, _connection, message):
        if message.get_type() != 1:
            return
        args = message.get_args_list()
        path, member = str(message.get_path()), str(message.get_member())
        self.record(path=path, method=member, args=plain(args),
                    interactive=bool(message.get_allow_interactive_authorization()))
        interface = str(message.get_interface()).rsplit(".", 1)[1].lower()
        handler = getattr(self, interface + "_" + member, None) or getattr(self, interface + "_any", None)
        if handler is None:
            self.fail(message, FREEDESKTOP + "UnknownMethod", member)
            return
        handler(message, path, args)

    def answer(self, message, signature=None, *args):
        reply = dbus.lowlevel.MethodReturnMessage(message)
        if signature:
            reply.append(*args, signature=signature)
        self.bus.send_message(reply)

    def fail(self, message, name, text):
        self.bus.send_message(dbus.lowlevel.ErrorMessage(message, name, text))

    def signal(self, path, interface, member, signature, *args):
        message = dbus.lowlevel.SignalMessage(path, interface, member)
        message.append(*args, signature=signature)
        self.bus.send_message(message)

    # Properties

    def server(self, name):
        running = name not in ("beta",)
        return {
            "Name": name, "Owner": "unix:0", "Blueprint": "coop", "State": "running" if running else "stopped",
            "SubState": "running" if running else "dead", "UnitName": "left4me-server@%s.service" % name,
            "Port": dbus.UInt16(27015), "Autostart": running, "DesiredRevision": dbus.UInt32(4),
            "RunningRevision": dbus.UInt32(3 if running else 0), "StartedAt": dbus.UInt64(1700000000000000 if running else 0),
            "LastError": "bad\x1b]0;title\x07\u202e" if name == "fails" else "",
        }

    def job(self, job):
        return {
            "Id": dbus.UInt32(job), "Kind": "start", "Subject": self.jobs[job]["subject"],
            "State": (self.jobs[job]["result"] or ["running"])[0], "Progress": 0.5, "ProgressValid": False,
            "BytesDone": dbus.UInt64(0), "BytesTotal": dbus.UInt64(0), "StartedAt": dbus.UInt64(1700000000000000),
            "StartedBy": "unix:0", "Cancelable": True,
        }

    def properties_GetAll(self, message, path, _args):
        kind, _, name = path[len(ROOT) + 1:].partition("/")
        found = {
            "server": lambda: self.server(name),
            "job": lambda: self.job(int(name)),
            "installation": lambda: {"Generation": dbus.UInt32(2), "BuildId": "123", "Branch": "public",
                                     "State": "ready", "Size": dbus.UInt64(1 << 30)},
            "Manager": lambda: {"Version": "9.9", "ApiVersion": dbus.UInt32(1), "Features": ["servers"],
                                "NJobs": dbus.UInt32(0)},
            "blueprint": lambda: {"Name": name, "Owner": "unix:0", "Overlays": ["maps"], "Revision": dbus.UInt32(1),
                                  "UsedBy": ["alpha"]},
        }[kind]
        if kind == "job" and int(name) not in self.jobs:
            self.fail(message, FREEDESKTOP + "UnknownObject", "no job " + name)
            return
        self.answer(message, "a{sv}", found())

    def properties_Get(self, message, path, _args):
        self.generation += path.endswith("/restless")
        self.answer(message, "v", dbus.UInt32(self.generation))

    def objectmanager_GetManagedObjects(self, message, _path, _args):
        tree = {ROOT + "/server/" + n: {"org.left4me.Server": self.server(n)} for n in ("beta", "alpha", "fails")}
        for job in self.jobs:
            tree[ROOT + "/job/%d" % job] = {"org.left4me.Job": self.job(job)}
        self.answer(message, "a{oa{sa{sv}}}", tree)

    # Manager

    def resolve(self, message, kind, name):
        if name.startswith("no-such") or name == "missing":
            self.fail(message, ERROR + "NoSuch" + kind.capitalize(), "There is no %s %s" % (kind, name))
        elif not name.replace("-", "").isalnum():
            self.fail(message, ERROR + "InvalidName", "Not a name: " + name)
        else:
            self.answer(message, "o", ROOT + "/" + kind + "/" + name)

    def manager_GetServer(self, message, _path, args):
        self.resolve(message, "server", str(args[0]))

    def manager_GetBlueprint(self, message, _path, args):
        self.resolve(message, "blueprint", str(args[0]))

    def manager_GetOverlay(self, message, _path, args):
        self.resolve(message, "overlay", str(args[0]))

    def manager_CanI(self, message, _path, args):
        answers = {"server-control": "yes", "install": "no"}
        self.answer(message, "a{ss}", {str(a): answers.get(str(a), "challenge") for a in args[0]})

    def manager_ListPorts(self, message, _path, _args):
        self.answer(message, "a(sqs)", [("alpha", 27015, "server"), ("", 27016, "udp")])

    def manager_ApplySpec(self, message, _path, args):
        if "bad" in str(args[1]):
            self.fail(message, ERROR + "InvalidSpec", "line 3, column 7: unknown key \"bad\"")
        else:
            self.answer(message, "o", ROOT + "/server/" + str(args[0]))

    def manager_CreateServer(self, message, _path, args):
        self.answer(message, "o", ROOT + "/server/" + str(args[0]))

    def manager_any(self, message, path, args):
        if str(message.get_member()) in ("VerifyStore", "PruneStore"):
            self.start_job(message, "store", args[-1], JOBS["alpha"])
        else:
            self.answer(message, "o", path)

    # Servers and their jobs

    def server_any(self, message, path, args):
        name = path.rsplit("/", 1)[1]
        if name in ERRORS:
            self.fail(message, *ERRORS[name])
        elif str(message.get_member()) in ("Start", "Stop", "Restart", "Reset", "Delete"):
            if name == "eater" and not self.requests:
                # Accepted and durable, but the answer is lost with the manager.
                self.new_job("server/eater", args[-1])
                os._exit(1)
            self.start_job(message, "server/" + name, args[-1], JOBS[name])
        else:
            self.answer(message)

    def server_GetPlan(self, message, _path, _args):
        self.answer(message, "a{sv}", {
            "revision": dbus.UInt32(4), "uid": dbus.UInt32(1880000000), "port": dbus.UInt16(27015),
            "mount-point": "/run/left4me/servers/alpha", "options": "nosuid,nodev",
            "layers": dbus.Array([("config", "", ""), ("overlay", "maps", "abc")], signature="(sss)"),
            "argv": ["./srcds_run", "-game"],
            "config": dbus.Array([("server.cfg", "hostname \"x\"\nrcon_password ***\n")], signature="(ss)")})

    def new_job(self, subject, call_options):
        job = len(self.jobs) + 1
        self.jobs[job] = {"subject": subject, "result": None}
        self.requests[str(call_options["request-id"])] = job
        self.save()
        return job

    def start_job(self, message, subject, call_options, course):
        request = str(call_options["request-id"])
        if request in self.requests:
            self.answer(message, "o", ROOT + "/job/%d" % self.requests[request])
            return
        job = self.new_job(subject, call_options)
        result, error, text, after = course
        if after == 0:
            self.end_job(job, result, error, text)
        self.answer(message, "o", ROOT + "/job/%d" % job)
        if subject == "server/crasher":
            GLib.timeout_add(50, os._exit, 1)
        if after > 0:
            GLib.timeout_add(after, self.end_job, job, result, error, text)
        if subject == "server/slow":
            GLib.timeout_add(50, self.progress, job)

    def progress(self, job):
        self.signal(ROOT + "/job/%d" % job, PROPERTIES, "PropertiesChanged", "sa{sv}as", "org.left4me.Job", {
            "Progress": 0.42, "ProgressValid": True, "BytesDone": dbus.UInt64(42 << 20),
            "BytesTotal": dbus.UInt64(100 << 20)}, [])
        return False

    def end_job(self, job, result, error, text):
        if self.jobs[job]["result"] is None:
            self.jobs[job]["result"] = [result, error, text]
            self.save()
            self.signal(ROOT + "/Manager", NAME, "JobRemoved", "uoss", job, ROOT + "/job/%d" % job,
                        self.jobs[job]["subject"], result)
        return False

    def job_Wait(self, message, path, args):
        job = self.jobs.get(int(path.rsplit("/", 1)[1]))
        if job is None:
            self.fail(message, ERROR + "NoSuchJob", "There is no such job")
        else:
            assert int(args[0]) == 0, "the client must not poll"
            self.answer(message, "sss", *(job["result"] or ("running", "", "")))

    def job_Cancel(self, message, path, _args):
        self.answer(message)
        self.end_job(int(path.rsplit("/", 1)[1]), "cancelled", ERROR + "Cancelled", "Cancelled")

    # Blueprints and overlays

    def blueprint_GetDefinition(self, message, _path, _args):
        self.answer(message, "a{sv}", {"overlays": ["maps"], "arguments": ["-tickrate", "100"],
                                       "config": ["sv_x 1"], "revision": dbus.UInt32(1)})

    def blueprint_any(self, message, path, _args):
        if path.endswith("/used"):
            self.fail(message, ERROR + "InUse", "Used by alpha")
        elif str(message.get_member()) == "Clone":
            self.answer(message, "o", path)
        else:
            self.answer(message)

    def overlay_Import(self, message, path, args):
        descriptor = args[0].take()
        job = self.new_job("overlay/maps", args[2])
        self.answer(message, "o", ROOT + "/job/%d" % job)
        if path.endswith("/stuck"):
            return

        def read():
            with os.fdopen(descriptor, "rb") as file:
                data = file.read()
            self.record(imported=len(data), magic=data[:4].hex())
            GLib.idle_add(self.end_job, job, "done", "", "")
        threading.Thread(target=read, daemon=True).start()

    def overlay_Export(self, message, path, args):
        with os.fdopen(args[0].take(), "wb") as file:
            file.write(b"TAR")
        self.start_job(message, "overlay/maps", args[1], JOBS["fails" if path.endswith("/broken") else "alpha"])

    def overlay_ListFiles(self, message, _path, args):
        first = int(args[1] or 0)
        page = OVERLAY_FILES[first:first + 256]
        rest = str(first + 256) if first + 256 < len(OVERLAY_FILES) else ""
        self.answer(message, "a(sstu)s", page, rest)

    def overlay_ReadFile(self, message, _path, args):
        content = b"x" * (1024 * 1024) + b"tail\x1b[2J\xff\n"
        self.answer(message, "ay", dbus.ByteArray(content[int(args[1]):int(args[1]) + int(args[2])]))

    def overlay_ListGenerations(self, message, _path, _args):
        self.answer(message, "a(uta{sv})", [(1, 1700000000000000, {
            "commit": "abc", "size": dbus.UInt64(10), "files": dbus.UInt32(1), "by": "unix:0", "current": True})])

    def overlay_any(self, message, _path, _args):
        self.answer(message)


def plain(value):
    """Values of the bus as values of JSON."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, dbus.ByteArray) or (isinstance(value, dbus.Array) and value.signature == "y"):
        return "bytes:%d" % len(value)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dbus.Boolean):
        return bool(value)
    if isinstance(value, int):
        return int(value)
    return str(value)


class Case(unittest.TestCase):
    """A private bus for each class, a fresh mock for each test."""

    program = ""

    @classmethod
    def setUpClass(cls):
        cls.bus_folder = tempfile.TemporaryDirectory()
        os.chmod(cls.bus_folder.name, 0o755)
        config = os.path.join(cls.bus_folder.name, "bus.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(BUS_CONFIG % cls.bus_folder.name)
        cls.daemon = subprocess.Popen(["dbus-daemon", "--config-file=" + config, "--nofork", "--print-address"],
                                      stdout=subprocess.PIPE, text=True)
        cls.address = cls.daemon.stdout.readline().strip()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.terminate()
        cls.daemon.wait()
        cls.daemon.stdout.close()
        cls.bus_folder.cleanup()

    def setUp(self):
        signal.alarm(4 * TIMEOUT)  # what hangs ends
        self.folder = tempfile.TemporaryDirectory()
        self.env = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address, "TERM": "xterm", "LC_ALL": "C.UTF-8",
                    "TZ": "UTC"}
        self.env.pop("NO_COLOR", None)
        self.mock = None
        self.start_mock()

    def tearDown(self):
        self.stop_mock()
        self.folder.cleanup()

    def start_mock(self):
        self.mock = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--mock", self.folder.name],
                                     env=self.env, stdout=subprocess.PIPE, text=True)
        self.wait_for("ready")

    def wait_for(self, method):
        """Until the mock has seen a call of the method."""
        for line in self.mock.stdout:
            if line.strip() == method:
                return
        self.fail("the mock ended before " + method)

    def stop_mock(self):
        self.mock.kill()
        self.mock.wait()
        self.mock.stdout.close()

    def journal(self):
        path = os.path.join(self.folder.name, "journal")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def calls(self, method):
        return [c for c in self.journal() if c.get("method") == method]

    def ctl(self, *args, **kwargs):
        kwargs.setdefault("stdin", None if "input" in kwargs else subprocess.DEVNULL)
        kwargs.setdefault("env", self.env)
        if kwargs["stdin"] is None:
            del kwargs["stdin"]
        return subprocess.run([self.program, *args], capture_output=True, text=kwargs.pop("text", True), timeout=TIMEOUT,
                              check=False, **kwargs)

    def check(self, code, *args, **kwargs):
        done = self.ctl(*args, **kwargs)
        self.assertEqual(done.returncode, code, (args, done.stdout, done.stderr))
        return done

    def terminal(self, args, typed=b"", until=None, env=None, uid=None):
        """Runs on a terminal; returns exit code and what appeared there. Types when `until` is there."""
        pid, master = pty.fork()
        if pid == 0:
            if uid is not None and os.geteuid() == 0:
                os.setuid(uid)
            os.execve(self.program, [self.program, *args], env or self.env)
        output, limit = b"", time.monotonic() + TIMEOUT
        while True:
            self.assertLess(time.monotonic(), limit, output)
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                data = os.read(master, 4096)
            except OSError:
                break
            output += data
            if until is not None and until in output:
                os.write(master, typed)
                until = None
        os.close(master)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output


class Usage(Case):
    def test_usage_errors_exit_2_before_any_call(self):
        for args in ([], ["nonsense"], ["start"], ["list", "x"], ["list", "--yes"], ["--json=x", "list"], ["blueprint"],
                     ["create", "a", "b", "--port=0"], ["create", "a", "b", "--port=70000"], ["--no-such-option"],
                     ["initialize", "a"], ["set-port", "a", "x"], ["overlay", "import", "maps", "/etc/hostname"],
                     ["blueprint", "set", "coop"], ["job", "wait", "x"], ["can", "install", "thing/x"],
                     ["overlay", "rollback", "maps", "0"], ["-H", "-x", "list"]):
            self.assertTrue(self.check(2, *args).stderr, args)
        self.assertEqual([c for c in self.journal() if c["method"] not in ("GetAll",)], [])

    def test_help_and_version_need_no_manager(self):
        env = {**self.env, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
        self.assertIn("left4mectl [OPTION", self.check(0, "--help", env=env).stdout)
        self.assertIn("left4mectl ", self.check(0, "--version", env=env).stdout)


class ExitCodes(Case):
    def test_each_error_has_its_code(self):
        for name, code in {"denied": 77, "challenge": 77, "busy": 1, "hollow": 1, "idle": 3, "conflict": 1, "missing": 4,
                           "Bad!": 1}.items():
            done = self.check(code, "start", name)
            self.assertTrue(done.stderr.startswith("left4mectl: start %s: " % name), done.stderr)

    def test_no_such_blueprint_overlay_job(self):
        self.check(4, "blueprint", "show", "no-such")
        self.check(4, "overlay", "show", "no-such")
        self.check(4, "job", "show", "77")
        self.check(4, "job", "wait", "77")

    def test_unreachable_bus_and_service(self):
        self.check(69, "list", env={**self.env, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
        self.stop_mock()
        self.assertIn("Cannot reach the manager", self.check(69, "list").stderr)
        self.check(69, "start", "alpha")
        self.check(69, "enable", "alpha", "beta")

    def test_status_of_a_stopped_server_is_3(self):
        self.check(0, "status", "alpha")
        self.check(3, "status", "beta")
        self.check(3, "status", "beta", "--json")
        self.check(4, "status", "missing")
        self.check(0, "status", "alpha", "beta")
        self.check(0, "status")

    def test_full_disk_is_a_failure(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([self.program, "list"], stdout=full, stderr=subprocess.PIPE, env=self.env, check=False,
                                  timeout=TIMEOUT)
        self.assertEqual(done.returncode, 1)


class Jobs(Case):
    def test_waits_for_the_end(self):
        begin = time.monotonic()
        self.check(0, "start", "slow")
        self.assertGreaterEqual(time.monotonic() - begin, 0.5)

    def test_a_job_that_ended_before_the_answer(self):
        self.check(0, "start", "early")

    def test_failed_job_says_why_and_exits_1(self):
        done = self.check(1, "start", "fails")
        self.assertEqual(done.stderr, "left4mectl: start fails: exited with status 1\\x1b[31m\\nsecond line\n")
        self.assertIn("MountFailed", self.check(1, "start", "mute").stderr)
        self.assertIn("Cancelled by unix:7", self.check(1, "start", "quits").stderr)

    def test_several_names_start_together_and_all_failures_are_told(self):
        begin = time.monotonic()
        names = ["slow", "fails", "missing", "denied", "alpha"]
        done = self.check(1, "start", *names)
        self.assertLess(time.monotonic() - begin, 10)
        for name in ("fails", "missing", "denied"):
            self.assertIn("left4mectl: start %s: " % name, done.stderr)
        self.assertEqual({c["path"].rsplit("/", 1)[1] for c in self.calls("Start")}, set(names) - {"missing"})

    def test_common_code_of_several_failures(self):
        self.check(4, "start", "missing", "no-such")
        self.check(77, "start", "denied", "alpha", "challenge")

    def test_no_block_prints_the_job(self):
        self.assertEqual(self.check(0, "start", "--no-block", "endless").stdout, ROOT + "/job/1\n")
        self.assertEqual(json.loads(self.check(0, "stop", "--no-block", "endless", "--json").stdout), [ROOT + "/job/2"])

    def test_options_reach_the_manager(self):
        self.check(0, "start", "alpha")
        self.check(0, "stop", "alpha", "--only-now")
        self.assertEqual(set(self.calls("Start")[0]["args"][0]), {"request-id"})
        self.assertIs(self.calls("Stop")[0]["args"][0]["only-now"], True)

    def test_manager_that_vanishes_and_returns(self):
        client = subprocess.Popen([self.program, "start", "crasher"], env=self.env, stderr=subprocess.PIPE, text=True)
        self.mock.wait(TIMEOUT)
        self.start_mock()
        _, err = client.communicate(timeout=TIMEOUT)
        self.assertEqual((client.returncode, err), (0, ""))
        self.assertEqual(len(self.calls("Start")), 1)

    def test_manager_that_vanishes_for_good(self):
        done = self.check(69, "start", "crasher")
        self.assertIn("went away", done.stderr)

    def test_call_that_a_crash_swallowed_is_made_once(self):
        client = subprocess.Popen([self.program, "start", "eater", "slow"], env=self.env, stderr=subprocess.PIPE, text=True)
        self.mock.wait(TIMEOUT)
        self.start_mock()
        _, err = client.communicate(timeout=TIMEOUT)
        self.assertEqual((client.returncode, err), (0, ""))
        ids = {c["args"][0]["request-id"] for c in self.calls("Start") if c["path"].endswith("/eater")}
        self.assertEqual(len(ids), 1)

    def test_interrupt_leaves_the_job(self):
        client = subprocess.Popen([self.program, "start", "endless"], env=self.env, stderr=subprocess.PIPE, text=True)
        self.wait_for("Wait")
        client.send_signal(signal.SIGINT)
        _, err = client.communicate(timeout=TIMEOUT)
        self.assertEqual(client.returncode, 130)
        self.assertIn("left4mectl job wait 1", err)
        self.assertEqual(self.calls("Cancel"), [])

    def test_wait_cancel_show(self):
        self.check(0, "start", "--no-block", "endless")
        self.assertIn("running", self.check(0, "job", "show", "1").stdout)
        self.check(0, "job", "cancel", "1")
        self.assertIn("Cancelled", self.check(1, "job", "wait", "1").stderr)
        shown = json.loads(self.check(0, "job", "show", "1", "--json").stdout)
        self.assertEqual((shown["state"], shown["message"], shown["progress"]), ("cancelled", "Cancelled", None))
        self.assertEqual([j["id"] for j in json.loads(self.check(0, "job", "list", "--json").stdout)], [1])

    def test_progress_on_a_terminal_only(self):
        code, output = self.terminal(["start", "slow"])
        self.assertEqual(code, 0)
        self.assertIn(b"42%", output)
        self.assertIn(b"42.0 MiB of 100.0 MiB", output)
        self.assertEqual(self.check(0, "start", "slow").stderr, "")


class Reading(Case):
    SERVER_KEYS = {"name", "owner", "blueprint", "state", "sub_state", "unit_name", "port", "autostart",
                   "desired_revision", "running_revision", "started_at", "last_error", "drift"}

    def test_list_is_one_call_and_sorted(self):
        out = self.check(0, "list").stdout.splitlines()
        self.assertEqual(out[0].split(), ["NAME", "STATE", "PORT", "BLUEPRINT", "AUTOSTART", "DRIFT", "OWNER"])
        self.assertEqual(out[1].split(), ["alpha", "running", "27015", "coop", "yes", "yes", "root"])
        self.assertEqual(out[2].split(), ["beta", "stopped", "27015", "coop", "no", "no", "root"])
        self.assertEqual([c["method"] for c in self.journal()], ["GetManagedObjects"])
        self.assertEqual(len(self.check(0, "list", "--no-legend").stdout.splitlines()), 3)

    def test_json_schema(self):
        servers = json.loads(self.check(0, "list", "--json").stdout)
        self.assertEqual([s["name"] for s in servers], ["alpha", "beta", "fails"])
        self.assertEqual(set(servers[0]), self.SERVER_KEYS)
        one = self.check(0, "status", "alpha", "--json=pretty").stdout
        self.assertGreater(one.count("\n"), 5)
        self.assertEqual(set(json.loads(one)), self.SERVER_KEYS)
        self.assertIs(json.loads(one)["drift"], True)
        self.assertEqual(len(json.loads(self.check(0, "status", "alpha", "beta", "--json").stdout)), 2)
        plan = json.loads(self.check(0, "plan", "alpha", "--json").stdout)
        self.assertEqual(set(plan), {"revision", "uid", "port", "mount_point", "options", "layers", "argv", "config"})
        self.assertEqual(plan["layers"][1], {"kind": "overlay", "name": "maps", "commit": "abc"})
        self.assertEqual(json.loads(self.check(0, "ports", "--json").stdout)[0],
                         {"server": "alpha", "port": 27015, "use": "server"})
        self.assertEqual(json.loads(self.check(0, "overlay", "generations", "maps", "--json").stdout),
                         [{"generation": 1, "created_at": 1700000000000000, "commit": "abc", "size": 10, "files": 1,
                           "by": "unix:0", "current": True}])
        self.assertEqual(json.loads(self.check(0, "blueprint", "show", "coop", "--json").stdout)["arguments"],
                         ["-tickrate", "100"])

    def test_json_is_one_line_unless_pretty(self):
        for args in (["list"], ["status"], ["ports"], ["plan", "alpha"], ["blueprint", "list"], ["overlay", "list"],
                     ["installation", "show"], ["job", "list"], ["version"], ["overlay", "files", "maps"]):
            out = self.check(0, *args, "--json=short").stdout
            json.loads(out)
            self.assertEqual(out.count("\n"), 1, args)

    def test_hostile_text_is_escaped(self):
        out = self.check(0, "status", "fails").stdout
        self.assertIn("bad\\x1b]0;title\\x07\\u202e", out)
        self.assertNotIn("\x1b", out)

    def test_colour_only_on_a_terminal_that_wants_it(self):
        self.assertNotIn("\x1b", self.check(0, "list").stdout)
        self.assertIn(b"\x1b[32m", self.terminal(["list"])[1])
        self.assertIn(b"\x1b[32m", self.terminal(["status", "alpha"])[1])
        for change in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn(b"\x1b", self.terminal(["list"], env={**self.env, **change})[1])
            self.assertNotIn(b"\x1b", self.terminal(["status", "alpha"], env={**self.env, **change})[1])

    def test_can(self):
        self.check(0, "can", "server-control", "read-logs")
        self.check(77, "can", "server-control", "install")
        self.check(0, "can", "server-control", "server/alpha")
        self.assertEqual(self.calls("CanI")[-1]["args"], [["server-control"], ROOT + "/server/alpha"])

    def test_version_without_manager(self):
        self.assertEqual(json.loads(self.check(0, "version", "--json").stdout)["version"], "9.9")
        self.stop_mock()
        self.assertIn("left4mectl", self.check(69, "version").stdout)


class Destruction(Case):
    VERBS = (["delete", "alpha"], ["reset", "alpha"], ["blueprint", "delete", "coop"], ["overlay", "delete", "maps"])

    def destructive_calls(self):
        return self.calls("Delete") + self.calls("Reset")

    def test_without_terminal_the_answer_is_no(self):
        for args in self.VERBS:
            self.assertIn("--yes", self.check(1, *args, input="y\n").stderr)
        self.assertEqual(self.destructive_calls(), [])

    def test_yes_skips_the_question(self):
        for args in self.VERBS:
            self.check(0, *args, "--yes")
        self.assertEqual(len(self.destructive_calls()), len(self.VERBS))

    def test_question_on_a_terminal(self):
        for args in self.VERBS:
            self.assertEqual(self.terminal(args, b"n\n", b"[y/N]")[0], 1)
            self.assertEqual(self.terminal(args, b"\n", b"[y/N]")[0], 1)
        self.assertEqual(self.destructive_calls(), [])
        for args in self.VERBS:
            self.assertEqual(self.terminal(args, b"y\n", b"[y/N]")[0], 0)
        self.assertEqual(len(self.destructive_calls()), len(self.VERBS))

    def test_interrupt_at_the_question_does_nothing(self):
        self.assertEqual(self.terminal(["delete", "alpha"], b"\x03", b"[y/N]")[0], -signal.SIGINT)
        self.assertEqual(self.destructive_calls(), [])

    def test_delete_of_nothing_succeeds(self):
        self.assertEqual(self.check(0, "delete", "missing").stderr, "")
        self.check(0, "delete", "missing", "--yes")
        self.check(4, "reset", "missing", "--yes")
        self.assertEqual(self.destructive_calls(), [])

    def test_in_use_is_told(self):
        self.assertIn("Used by alpha", self.check(1, "blueprint", "delete", "used", "--yes").stderr)


class Changing(Case):
    def test_create(self):
        self.check(0, "create", "gamma", "coop", "--port", "27020", "--autostart")
        self.assertEqual(self.calls("CreateServer")[0]["args"], ["gamma", "coop", {"port": 27020, "autostart": True}])

    def test_initialize_and_its_errors(self):
        path = os.path.join(self.folder.name, "spec.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("port: 27015\n")
        self.check(0, "initialize", "gamma", "-f", path)
        self.assertEqual(self.calls("ApplySpec")[0]["args"][:2], ["gamma", "port: 27015\n"])
        self.assertEqual(self.check(1, "initialize", "gamma", "-f", "-", input="bad: 1\n").stderr,
                         "left4mectl: <stdin>:3:7: unknown key \"bad\"\n")
        self.check(1, "initialize", "gamma", "-f", "-", input="#" * (64 * 1024 + 1))
        self.check(0, "initialize", "gamma", "-f", "-", input="#" * (64 * 1024))
        self.check(1, "initialize", "gamma", "-f", "/nonexistent")
        self.check(1, "initialize", "gamma", "-f", "-", input=b"\xff\xfe", text=False)

    def test_enable_disable_port_blueprint(self):
        self.check(0, "enable", "alpha", "beta")
        self.check(0, "disable", "alpha")
        self.assertEqual([c["args"][0] for c in self.calls("SetAutostart")], [True, True, False])
        self.check(0, "set-port", "alpha", "27030")
        self.assertEqual(self.calls("SetPort")[0]["args"], [27030, {}])
        self.check(0, "set-blueprint", "alpha", "versus")
        self.assertEqual(self.calls("SetBlueprint")[0]["args"], ["versus", {}])

    def test_blueprint_lists(self):
        self.check(0, "blueprint", "create", "b", "--overlay", "one", "--overlay=two", "--config", "sv_x 1")
        self.assertEqual(self.calls("CreateBlueprint")[0]["args"],
                         ["b", {"overlays": ["one", "two"], "config": ["sv_x 1"]}, {}])
        self.check(0, "blueprint", "set", "b", "--argument=", "--overlay=three")
        self.assertEqual(self.calls("Update")[0]["args"], [{"overlays": ["three"], "arguments": []}, {}])
        self.check(0, "blueprint", "clone", "b", "c")
        self.assertEqual(self.calls("Clone")[0]["args"], ["c", {}])

    def test_store_and_installation(self):
        self.check(0, "store", "verify")
        self.check(0, "store", "prune")


class PasswordAgent(Case):
    """A stand-in for pkttyagent notes its arguments and its end."""

    def setUp(self):
        super().setUp()
        os.chmod(self.folder.name, 0o777)
        self.notes = os.path.join(self.folder.name, "agent")
        agent = os.path.join(self.folder.name, "pkttyagent")
        with open(agent, "w", encoding="utf-8") as file:
            file.write("#!/bin/bash\n"
                       "trap 'echo ended >>%s; kill %%1; exit' TERM\n"
                       "echo \"$@\" >>%s\n"
                       "[[ $1 == --notify-fd ]] && eval \"exec $2>&-\"\n"
                       "sleep 60 &\nwait\n" % (self.notes, self.notes))
        os.chmod(agent, 0o755)
        self.env["PATH"] = self.folder.name + ":" + self.env["PATH"]
        # The folder of a build can be closed to others.
        self.program = shutil.copy(self.program, self.folder.name)

    def agent_notes(self):
        if not os.path.exists(self.notes):
            return []
        with open(self.notes, encoding="utf-8") as file:
            return file.read().splitlines()

    def test_runs_for_gated_calls_on_a_terminal_and_ends_with_them(self):
        self.assertEqual(self.terminal(["start", "alpha"], uid=NOBODY)[0], 0)
        notes = self.agent_notes()
        self.assertRegex(notes[0], r"^--notify-fd \d+ --process \d+$")
        self.assertEqual(notes[1:], ["ended"])
        self.assertTrue(self.calls("Start")[0]["interactive"])

    def test_not_where_nothing_is_gated_or_nobody_can_or_may_be_asked(self):
        self.assertEqual(self.terminal(["list"], uid=NOBODY)[0], 0)
        self.assertEqual(self.terminal(["start", "alpha", "--no-ask-password"], uid=NOBODY)[0], 0)
        self.assertFalse(self.calls("Start")[0]["interactive"])
        self.check(0, "start", "alpha")
        self.assertEqual(self.agent_notes(), [])

    def test_missing_agent_is_no_failure(self):
        self.env["PATH"] = "/nonexistent"
        self.assertEqual(self.terminal(["start", "alpha"], uid=NOBODY)[0], 0)


class Overlays(Case):
    def test_import_of_a_private_directory(self):
        tree = os.path.join(self.folder.name, "tree")
        os.makedirs(os.path.join(tree, "maps"), 0o700)
        with open(os.path.join(tree, "maps", "a.bsp"), "wb") as file:
            file.write(os.urandom(300000))
        self.check(0, "overlay", "import", "maps", tree, "--merge")
        call = self.calls("Import")[0]["args"]
        self.assertEqual(call[1], "tar")
        self.assertIs(call[2]["merge"], True)
        imported = [e for e in self.journal() if "imported" in e][0]
        self.assertGreater(imported["imported"], 300000)
        self.assertIn(imported["magic"], ("28b52ffd",) if imported["magic"].startswith("28") else ("1f8b0800",))

    def test_interrupted_import_of_a_directory_is_cancelled(self):
        tree = os.path.join(self.folder.name, "tree")
        os.mkdir(tree)
        with open(os.path.join(tree, "large"), "wb") as file:
            file.write(os.urandom(1 << 20))
        client = subprocess.Popen([self.program, "overlay", "import", "stuck", tree], env=self.env,
                                  stderr=subprocess.PIPE, text=True)
        self.wait_for("Wait")
        client.send_signal(signal.SIGINT)
        _, err = client.communicate(timeout=TIMEOUT)
        self.assertIn("interrupted", err)
        self.assertEqual(client.returncode, 130)
        self.wait_for("Cancel")

    def test_import_of_archives(self):
        for name, form in (("a.tar.gz", "tar"), ("a.tgz", "tar"), ("a.zip", "zip")):
            path = os.path.join(self.folder.name, name)
            with open(path, "wb") as file:
                file.write(b"data")
            self.check(0, "overlay", "import", "maps", path)
            self.assertEqual(self.calls("Import")[-1]["args"][1], form)
        self.check(0, "overlay", "import", "maps", "-", input="stream")
        self.assertEqual([e["imported"] for e in self.journal() if "imported" in e], [4, 4, 4, 6])
        self.check(1, "overlay", "import", "maps", "/nonexistent.tar")
        self.check(2, "overlay", "import", "maps", self.folder.name, "--no-block")

    def test_export_is_whole_or_not_there(self):
        target = os.path.join(self.folder.name, "out.tar")
        self.check(0, "overlay", "export", "maps", target)
        with open(target, "rb") as file:
            self.assertEqual(file.read(), b"TAR")
        os.unlink(target)
        before = set(os.listdir(self.folder.name))
        self.check(1, "overlay", "export", "broken", target)
        self.assertEqual(set(os.listdir(self.folder.name)), before)
        self.assertEqual(self.check(0, "overlay", "export", "maps", "-").stdout, "TAR")

    def test_files_reads_all_pages(self):
        rows = json.loads(self.check(0, "overlay", "files", "maps", "--json").stdout)
        self.assertEqual(len(rows), 300)
        self.assertEqual(rows[-1], {"name": "f299", "type": "file", "size": 299, "mode": 420})
        self.assertEqual([c["args"][1] for c in self.calls("ListFiles")], ["", "256"])

    def test_a_change_while_reading_is_a_failure(self):
        self.assertIn("changed", self.check(1, "overlay", "files", "restless").stderr)
        self.assertIn(b"changed", self.check(1, "overlay", "cat", "restless", "f", text=False).stderr)

    def test_cat_is_exact_in_a_pipe_and_escaped_on_a_terminal(self):
        out = self.check(0, "overlay", "cat", "maps", "f", text=False).stdout
        self.assertEqual(len(out), 1024 * 1024 + 10)
        self.assertTrue(out.endswith(b"tail\x1b[2J\xff\n"))
        output = self.terminal(["overlay", "cat", "maps", "f"])[1]
        self.assertIn(b"tail\\x1b[2J\\xff\r\n", output)

    def test_put_and_rm(self):
        self.check(0, "overlay", "put", "maps", "cfg/x.cfg", "-", input="hello")
        self.assertEqual(self.calls("WriteFile")[0]["args"], ["cfg/x.cfg", "bytes:5", {}])
        self.assertIn("1 MiB", self.check(1, "overlay", "put", "maps", "x", "-", input="x" * (1024 * 1024 + 1)).stderr)
        self.check(0, "overlay", "rm", "maps", "a", "b/c")
        self.assertEqual(self.calls("EditFiles")[0]["args"][0], [["remove", "a", "bytes:0"], ["remove", "b/c", "bytes:0"]])


if __name__ == "__main__":
    if sys.argv[1] == "--mock":
        MOCK = Mock(sys.argv[2])
        GLib.MainLoop().run()
    Case.program = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)

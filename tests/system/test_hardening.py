"""What the units may not do: exposure as systemd counts it, a game that tries everything, and where secrets are not."""
import contextlib
import ctypes
import io
import ipaddress
import json
import os
import pathlib
import re
import socket
import tarfile
import tempfile

import left4me
from left4me import (SystemTest, eventually, main_pid, manager_pid, mount_unit, rcon_password, run, run_as,
                     server_unit, unit_property)

SYSTEMD = int(run(["systemctl", "--version"]).stdout.split()[1])
PORT = 31019
HERE = pathlib.Path(__file__).resolve().parent


def landlock_abi():
    return ctypes.CDLL(None).syscall(444, None, 0, 1)  # landlock_create_ruleset, LANDLOCK_CREATE_RULESET_VERSION


class Hardening(SystemTest):
    def exposure(self, unit):
        text = run(["systemd-analyze", "security", "--no-pager", unit], check=False).stdout
        return float(re.search(r"Overall exposure level for .*: ([0-9.]+)", text)[1])

    def start(self, name="one", config=()):
        self.alice.make_overlay("base", {"left4dead2/maps/attic.bsp": "VBSP attic"})
        self.alice.make_blueprint("bp", ["base"], ["+map", "attic"], config)
        self.alice.make_server(name, "bp")
        self.alice.start(name)
        self.assert_answers(name)

    @contextlib.contextmanager
    def held_import(self):
        """A store run that waits for its data; its unit's name."""
        overlay = self.alice.manager("CreateOverlay", "ssa{sv}", "held", "files", {})
        with tempfile.TemporaryDirectory() as directory:
            pipe = pathlib.Path(directory, "pipe")
            pathlib.Path(directory).chmod(0o755)
            os.mkfifo(pipe)
            pipe.chmod(0o644)
            end = os.open(pipe, os.O_RDWR)
            try:
                job = self.alice.call(overlay, "org.left4me.Overlay", "Import", "hsa{sv}", [str(pipe), "r"], "tar", {})
                unit = f"left4me-store-{self.alice.get(job, 'Job', 'Id')}.service"
                eventually(lambda: int(unit_property(unit, "MainPID")) > 0, "the store runs")
                yield unit
                self.alice.call(job, "org.left4me.Job", "Cancel", "a{sv}", {})
                self.alice.call(job, "org.left4me.Job", "Wait", "ta{sv}", 30_000_000, {})
            finally:
                os.close(end)

    def test_the_exposure_of_every_unit_is_within_its_figure(self):
        self.start()
        figures = {"left4me-manager.service": 2.2, mount_unit("one"): 4.4, server_unit("one"): 1.4}
        with self.held_import() as store:
            figures[store] = 2.0
            found = {unit: self.exposure(unit) for unit in figures}
        self.assertEqual({u: x for u, x in found.items() if x > figures[u]}, {}, found)

    # A game that tries everything

    def test_a_hostile_game_gets_nowhere(self):
        self.start("neighbour")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind("\0left4me-test-host-socket")
        listener.listen()
        path = self.alice.manager("CreateOverlay", "ssa{sv}", "hostile", "files", {})
        with tempfile.NamedTemporaryFile(suffix=".tar") as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                data = (HERE / "hostile_game.py").read_bytes()
                info = tarfile.TarInfo("srcds_run")
                info.mode, info.size = 0o755, len(data)
                archive.addfile(info, io.BytesIO(data))
            file.flush()
            os.chmod(file.name, 0o644)
            self.alice.wait(self.alice.call(path, "org.left4me.Overlay", "Import", "hsa{sv}", [file.name, "r"],
                                            "tar", {}))
        self.alice.make_blueprint("hostile", ["hostile"])
        self.alice.make_server("two", "hostile", port=["q", PORT])
        self.alice.start("two")
        findings = left4me.STATE_DIR / "servers/two/upper/left4dead2/findings.json"
        eventually(findings.exists, "the game has tried everything")
        found = json.loads(findings.read_text())
        self.assertEqual(found.pop("control"), {"own file": "done", "own socket": "done", "fork": "done",
                                                "i386 getpid": "done"})
        for name, (expected, outcome) in found["refused"].items():
            with self.subTest(attempt=name):
                self.assertIn(outcome, expected)
        # Landlock's scope for abstract sockets came with Linux 6.12.
        self.assertEqual(found["abstract"], "EPERM" if landlock_abi() >= 6 else "done")
        uid = os.stat(f"/proc/{main_pid('two')}").st_uid
        self.assertEqual({int(owner) for owner in found["processes"].values()}, {uid})
        self.assertEqual(found["servers"], ["srcds_run"])
        self.assertEqual(found["status"], {"CapEff": "0000000000000000", "CapBnd": "0000000000000000",
                                           "NoNewPrivs": "1", "Seccomp": "2"})
        self.assertEqual(set(found["root"]) - {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "opt", "proc",
                                               "run", "sbin", "sys", "tmp", "usr", "var", "home", "root"}, set())
        self.assertEqual(found["opt"], ["l4d2"])
        self.assertEqual(set(found["etc"]) - {"ld.so.cache", "nsswitch.conf", "alternatives", "ssl", "resolv.conf",
                                              "ca-certificates", "hosts", "localtime"}, set())
        if SYSTEMD >= 257:
            self.assertEqual(found["bind"], {"own": "done", "other": "EPERM"})
            self.assertLess(found["pid"], 10)  # in a process tree of its own
        self.assertEqual([p for p in pathlib.Path("/var/lib/left4me").rglob("*") if p.name == "escaped"], [])

    # Secrets

    def test_no_secret_is_to_be_seen_by_anybody(self):
        secret = "hunter2-of-the-players"
        self.start(config=[f"sv_password {secret}"])
        secrets = (secret, rcon_password("one"))
        places = {
            "systemctl show": run(["systemctl", "show", server_unit("one"), mount_unit("one"),
                                   "left4me-manager.service"]).stdout,
            "systemctl cat": run(["systemctl", "cat", server_unit("one"), mount_unit("one")]).stdout,
            "introspection": run(["busctl", "introspect", "org.left4me.Manager", self.root.server("one")]).stdout,
            "objects": str(self.mallory.call("/org/left4me", "org.freedesktop.DBus.ObjectManager",
                                             "GetManagedObjects")),
            "journal": run(["journalctl", "--no-pager", "-b", "-o", "cat"]).stdout,
            "game's journal": run(["journalctl", "--no-pager", "--namespace=left4me", "-b", "-o", "cat"]).stdout,
            "status": run(["systemctl", "status", "--no-pager", server_unit("one")], check=False).stdout,
        }
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                with contextlib.suppress(OSError):
                    places[f"{process}/{name}"] = (process / name).read_bytes().decode(errors="replace")
        for place, text in places.items():
            for value in secrets:
                self.assertFalse(value in text, f"a secret is in {place}")
        self.refused(left4me.DENIED, self.mallory.call, self.root.server("one"), "org.left4me.Server", "GetPlan",
                     "a{sv}", {})

    def test_files_of_the_service_are_closed_to_others(self):
        self.start()
        closed = ["/run/left4me/launch/one", "/run/left4me/plans/one", "/run/left4me/jobs", "/run/left4me/servers/one",
                  "/var/lib/left4me/manager.db", "/var/lib/left4me/repo", "/var/lib/left4me/checkouts",
                  "/var/lib/left4me/servers/one/generated/left4dead2/cfg/left4me/server.cfg", "/var/lib/left4me/trash"]
        for user in ("nobody", "mallory", "alice", "adam"):
            for path in closed:
                with self.subTest(user=user, path=path):
                    self.assertTrue(os.path.lexists(path), path)
                    done = run_as(user, ["sh", "-c", 'if [ -d "$0" ]; then ls "$0/"; else cat "$0"; fi', path], check=False)
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn("Permission denied", done.stderr)
        for path in ("/run/left4me", "/var/lib/left4me", "/etc/userdb", "/etc/systemd/system"):
            done = run_as("mallory", ["touch", f"{path}/mallory"], check=False)
            self.assertIn("Permission denied", done.stderr, path)

    # The manager

    def test_the_manager_has_no_power_beyond_its_own_files(self):
        pid = manager_pid()
        status = dict(re.findall(r"^(\w+):\s+(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M))
        for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        denied = unit_property("left4me-manager.service", "IPAddressDeny").split()
        self.assertEqual({ipaddress.ip_network(d).prefixlen for d in denied}, {0})
        self.assertEqual(len(denied), 2)
        inside = ["nsenter", "-t", str(pid), "-m", "--", "sh", "-c"]
        for path in ("/etc", "/usr", "/usr/bin", "/boot", "/opt", "/srv", "/var", "/var/cache"):
            if os.path.isdir(path):
                with self.subTest(path=path):
                    done = run(inside + [f'echo x >"{path}/left4me-written"'], check=False)
                    self.assertFalse(os.path.exists(f"{path}/left4me-written"))
                    self.assertIn("Read-only file system", done.stderr)
        for path in ("/home", "/root"):
            self.assertEqual(run(inside + [f"ls -A {path}"], check=False).stdout, "", path)
        for path in ("/var/lib/left4me", "/run/left4me", "/etc/userdb"):
            run(inside + [f'echo x >"{path}/left4me-written" && rm "{path}/left4me-written"'])

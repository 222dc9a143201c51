"""Composed trees on a real host: who owns what, how many layers, kills at any moment, and trees that somebody holds."""
import io
import os
import pathlib
import pwd
import random
import shutil
import stat
import subprocess
import tarfile
import tempfile
import threading
import time

import left4me
from left4me import (JobError, SystemTest, eventually, main_pid, manager_pid, mount_unit, mounts, rcon, run,
                     server_unit, unit_property)

SERVER = "org.left4me.Server"
SERVERS = left4me.STATE_DIR / "servers"
TREE = pathlib.Path("/run/left4me/servers")
# Each overlay takes an import of its own: what is above the page of mount(2) (199) is for a long run.
LAYERS = [60, 199, 250, 498] if os.environ.get("LEFT4ME_LONG") else [60, 210]
LAYERS_MAX = 498
KILLS = int(os.environ.get("LEFT4ME_MOUNT_KILLS", "12"))
STOPS = int(os.environ.get("LEFT4ME_STOPS", "20"))
STOP_SECONDS_MAX = 5
# A game that renames and removes what lies in the layers below, then waits for its signal.
CHANGES = b"""#!/usr/bin/python3
import os, signal
os.unlink("left4dead2/maps/c1m1_hotel.bsp")
os.rename("left4dead2/cfg/valve.rc", "left4dead2/cfg/moved.rc")
os.mkdir("left4dead2/own")
os.rename("left4dead2/own", "left4dead2/renamed")
with open("left4dead2/done.txt", "w") as out:
    out.write(f"{os.stat('left4dead2').st_uid} {os.stat('left4dead2/gameinfo.txt').st_uid} {os.getuid()}")
signal.pause()
"""


class Holder:
    """A process of root that a shell command keeps in some place; held when the constructor returns."""

    def __init__(self, argv, **keywords):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **keywords)
        if self.process.stdout.readline() != "held\n":
            raise AssertionError("the holder could not take hold")

    def release(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Mount(SystemTest):
    def setUp(self):
        super().setUp()
        self.root.make_overlay("base", {"left4dead2/maps/attic.bsp": "VBSP attic"})
        self.root.make_blueprint("bp", ["base"], ["+map", "attic"])

    def make(self, name="one", start=True):
        path = self.root.make_server(name, "bp")
        if start:
            self.root.start(name)
            self.assert_answers(name)
        return path

    def hold(self, *arguments, **keywords):
        holder = Holder(*arguments, **keywords)
        self.addCleanup(holder.release)
        return holder

    def program(self, overlay, text):
        """An overlay whose game is the given program."""
        path = self.root.manager("CreateOverlay", "ssa{sv}", overlay, "files", {})
        with tempfile.NamedTemporaryFile(suffix=".tar") as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                info = tarfile.TarInfo("srcds_run")
                info.mode, info.size = 0o755, len(text)
                archive.addfile(info, io.BytesIO(text))
            file.flush()
            self.root.wait(self.root.call(path, "org.left4me.Overlay", "Import", "hsa{sv}", [file.name, "r"], "tar", {}))

    # Whose files are whose

    def test_files_are_the_games_inside_and_the_stores_on_disk(self):
        self.program("changes", CHANGES)
        self.root.make_blueprint("changing", ["changes"])
        self.root.make_server("one", "changing")
        self.root.start("one")
        upper = SERVERS / "one/upper"
        eventually(lambda: (upper / "left4dead2/done.txt").exists(), "the game has made its changes")
        eventually(lambda: (upper / "left4dead2/done.txt").stat().st_size > 0, "and said so")
        uid = os.stat(f"/proc/{main_pid('one')}").st_uid
        self.assertEqual((upper / "left4dead2/done.txt").read_text(), f"{uid} {uid} {uid}")
        self.root.stop("one")
        store = pwd.getpwnam("left4me")
        owners = {p.lstat().st_uid for p in (SERVERS / "one").rglob("*")
                  if not stat.S_ISCHR(p.lstat().st_mode)}
        self.assertEqual(owners, {store.pw_uid})
        self.assertEqual((upper / "left4dead2/done.txt").stat().st_gid, store.pw_gid)
        for removed in ("left4dead2/maps/c1m1_hotel.bsp", "left4dead2/cfg/valve.rc"):
            entry = (upper / removed).lstat()
            self.assertTrue(stat.S_ISCHR(entry.st_mode) and entry.st_rdev == 0, f"{removed} is no whiteout")
        self.assertTrue((upper / "left4dead2/renamed").is_dir())
        self.assertEqual(list((SERVERS / "one/work").iterdir()), [])
        # A later start sees the same tree, and a reset the first one.
        self.root.call(self.root.server("one"), SERVER, "SetBlueprint", "sa{sv}", "bp", {})
        self.root.start("one")
        self.assert_answers("one", map="attic")
        self.assertNotIn("c1m1_hotel.bsp", rcon("one", "standin_ls left4dead2/maps", self.root))
        self.assertIn("moved.rc", rcon("one", "standin_ls left4dead2/cfg", self.root))
        self.root.verb("one", "Reset")
        self.root.start("one")
        self.assert_answers("one")
        self.assertIn("c1m1_hotel.bsp", rcon("one", "standin_ls left4dead2/maps", self.root))

    def test_the_helper_runs_in_the_hosts_mount_name_space(self):
        self.make(start=False)
        self.root.get(left4me.MANAGER, "Manager", "Version")
        pid = manager_pid()
        os.kill(pid, 19)  # SIGSTOP: the helper waits for its plan
        try:
            run(["systemctl", "start", "--no-block", server_unit("one")])
            eventually(lambda: int(unit_property(mount_unit("one"), "MainPID")) > 0, "the helper runs")
            helper = unit_property(mount_unit("one"), "MainPID")
            self.assertEqual(os.readlink(f"/proc/{helper}/ns/mnt"), os.readlink("/proc/1/ns/mnt"))
        finally:
            os.kill(pid, 18)
        eventually(lambda: self.root.property("one", "State") == "running", "it started")
        self.assertEqual(len([line for space, line in mounts("one") if space == "1"]), 1)
        line = next(line for space, line in mounts("one") if space == "1")
        self.assertEqual(line.split()[4], "/run/left4me/servers/one")
        self.assertIn("nosuid,nodev", line)
        self.assertNotIn("userxattr", line)

    def test_many_overlays_compose_and_the_first_is_on_top(self):
        names = [f"layer-{number}" for number in range(max(LAYERS))]
        for number, name in enumerate(names):
            self.root.make_overlay(name, {f"left4dead2/many/{name}.txt": "", "left4dead2/cfg/order.txt": str(number)})
        for count in LAYERS:
            chosen = names[max(LAYERS) - count:]
            self.root.make_blueprint(f"many-{count}", chosen, ["+map", "c1m1_hotel"])
            self.root.make_server(f"s{count}", f"many-{count}")
            with self.subTest(overlays=count):
                self.root.start(f"s{count}")
                self.assert_answers(f"s{count}", map="c1m1_hotel")
                listing = rcon(f"s{count}", "standin_ls left4dead2/many", self.root).split()
                self.assertEqual(sorted(listing), sorted(f"{name}.txt" for name in chosen))
                self.assertEqual(rcon(f"s{count}", "standin_cat left4dead2/cfg/order.txt", self.root),
                                 str(max(LAYERS) - count))
                self.root.stop(f"s{count}")
                self.assert_down(f"s{count}")

    def test_more_overlays_than_a_mount_takes_are_refused(self):
        names = [f"none-{number}" for number in range(LAYERS_MAX + 1)]
        error = self.refused({"LimitReached", "InvalidSpec", "InvalidArgs"}, self.root.make_blueprint, "many", names)
        self.assertIn(str(LAYERS_MAX), error.message)
        self.refused("NoSuchOverlay", self.root.make_blueprint, "many", names[:LAYERS_MAX])

    # Kills

    def processes_of(self, unit):
        """The control group of a mount unit, as a path; it comes and goes with the helper."""
        slice_name = "system-left4me\\x2dmount.slice"
        return pathlib.Path("/sys/fs/cgroup/system.slice", slice_name, unit)

    def kill_helper(self, unit, after):
        """SIGKILL of all that the helper is, so many seconds after it began; whether there was anything left of it."""
        group = self.processes_of(unit)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                if (group / "cgroup.procs").read_text():
                    break
            except OSError:
                continue
        threading.Event().wait(after)
        try:
            alive = bool((group / "cgroup.procs").read_text())
            (group / "cgroup.kill").write_text("1")
            return alive
        except OSError:
            return False

    def settle(self, name):
        eventually(lambda: run(["systemctl", "list-jobs", "--no-legend"]).stdout.find(f"@{name}.") < 0, "jobs ended")

    def test_a_helper_killed_at_any_moment_of_a_mount(self):
        self.make(start=False)
        moment = random.Random(5)
        hits = 0
        for _ in range(KILLS):
            run(["systemctl", "start", "--no-block", server_unit("one")])
            hits += self.kill_helper(mount_unit("one"), moment.uniform(0, 0.06))
            self.settle("one")
            if unit_property(server_unit("one"), "ActiveState") != "active":
                self.assertEqual(mounts("one"), [])
            run(["systemctl", "reset-failed", server_unit("one"), mount_unit("one")], check=False)
            self.root.start("one")
            self.assert_answers("one", map="attic")
            self.assertEqual(len([1 for space, _ in mounts("one") if space == "1"]), 1)
            self.root.stop("one")
            self.assert_down("one")
        self.assertGreater(hits, 0, "no kill hit a helper")

    def test_a_helper_killed_at_any_moment_of_an_unmount(self):
        self.make(start=False)
        moment = random.Random(6)
        for _ in range(KILLS):
            self.root.start("one")
            self.assert_answers("one", map="attic")
            run(["systemctl", "stop", "--no-block", server_unit("one"), mount_unit("one")])
            self.kill_helper(mount_unit("one"), moment.uniform(0, 0.03))
            self.settle("one")
            run(["systemctl", "reset-failed", server_unit("one"), mount_unit("one")], check=False)
            self.root.start("one")
            self.assert_answers("one", map="attic")
            self.assertEqual(len([1 for space, _ in mounts("one") if space == "1"]), 1)
            self.root.stop("one")
            self.assert_down("one")

    # Somebody else holds it

    def test_a_copy_in_another_mount_name_space_goes_with_the_tree(self):
        self.make()
        self.hold(["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo held; read -r line"])
        self.root.stop("one")
        self.assert_down("one")
        self.root.start("one")
        self.assert_answers("one", map="attic")

    def test_a_tree_bound_elsewhere_keeps_the_server_from_starting_and_says_who(self):
        self.make()
        place = tempfile.mkdtemp()
        self.addCleanup(os.rmdir, place)
        holder = Holder(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                         'mount --bind /run/left4me/servers/one "$0" && echo held && read -r line', place])
        try:
            self.root.stop("one")
            self.assertEqual({space for space, _ in mounts("one")}, {str(holder.process.pid)})
            with self.assertRaises(JobError) as caught:
                self.root.start("one")
            self.assertIn(str(holder.process.pid), caught.exception.message)
            self.assertEqual(unit_property(mount_unit("one"), "ActiveState"), "failed")
        finally:
            holder.release()
        self.root.start("one")
        self.assert_answers("one", map="attic")

    def test_a_process_in_the_tree_makes_the_stop_fail_and_say_so(self):
        self.make()
        holder = Holder(["sh", "-c", "echo held; read -r line"], cwd=TREE / "one")
        try:
            since = time.time()
            with self.assertRaises(JobError) as caught:
                self.root.stop("one")
            self.assertEqual(caught.exception.short, "InUse")
            self.assertIn("still used", caught.exception.message)
            eventually(lambda: "still used" in self.root.property("one", "LastError"), "the server says so, too")
            log = run(["journalctl", "-u", mount_unit("one"), f"--since=@{since:.6f}", "-o", "cat"]).stdout
            self.assertRegex(log, r"status=12")
            self.assertEqual(main_pid("one"), 0)
            with self.assertRaises(JobError) as caught:
                self.root.stop("one")
            self.assertEqual(caught.exception.short, "InUse", "a second stop does not lie either")
        finally:
            holder.release()
        self.root.stop("one")
        self.assert_down("one")
        self.root.start("one")
        self.assert_answers("one", map="attic")
        self.root.stop("one")
        self.assert_down("one")

    # A writable layer that is not what it should be

    def test_an_upper_of_fuse_overlayfs_is_refused_by_name(self):
        self.make()
        self.root.stop("one")
        os.setxattr(SERVERS / "one/upper", "user.fuseoverlayfs.opaque", b"y")
        with self.assertRaises(JobError) as caught:
            self.root.start("one")
        self.assertIn("fuse-overlayfs", caught.exception.message)
        self.assertIn("servers/one/upper", caught.exception.message)
        self.assert_mount_failed()
        os.removexattr(SERVERS / "one/upper", "user.fuseoverlayfs.opaque")
        self.root.start("one")
        self.assert_answers("one")

    def assert_mount_failed(self):
        self.assertEqual(mounts("one"), [])
        self.assertEqual(main_pid("one"), 0)

    def test_a_symlink_in_place_of_a_layer_is_refused(self):
        self.make()
        self.root.stop("one")
        victim = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, victim)
        os.chown(victim, pwd.getpwnam("left4me").pw_uid, -1)
        for name in ("upper", "work", "generated"):
            with self.subTest(layer=name):
                layer = SERVERS / "one" / name
                layer.rename(layer.with_suffix(".aside"))
                layer.symlink_to(victim)
                try:
                    with self.assertRaises(JobError):
                        self.root.start("one")
                    self.assert_mount_failed()
                    self.assertEqual(list(victim.iterdir()), [])
                finally:
                    if layer.is_symlink():
                        layer.unlink()
                    elif layer.exists():
                        shutil.rmtree(layer)
                    layer.with_suffix(".aside").rename(layer)
        self.root.start("one")
        self.assert_answers("one")

    # By systemd's own ways

    def test_a_crash_mounts_anew_with_what_changed_meanwhile(self):
        self.make()
        before = unit_property(mount_unit("one"), "InvocationID")
        self.root.edit(self.root.overlay("base"), {"left4dead2/new.txt": "new"})
        rcon("one", "standin_crash", self.root)
        eventually(lambda: int(unit_property(server_unit("one"), "NRestarts")) == 1, "it was restarted")
        self.assert_answers("one", map="attic")
        self.assertNotEqual(unit_property(mount_unit("one"), "InvocationID"), before)
        self.assertEqual(rcon("one", "standin_cat left4dead2/new.txt", self.root), "new")
        self.assertEqual(self.root.property("one", "RunningRevision"), self.root.property("one", "DesiredRevision"))

    def test_a_stop_of_the_mount_unit_stops_both(self):
        self.make()
        run(["systemctl", "stop", mount_unit("one")])
        self.assert_down("one")
        eventually(lambda: self.root.property("one", "State") == "stopped", "the manager saw the stop")

    def test_many_cycles_at_once_are_within_every_limit(self):
        self.make(start=False)
        for _ in range(8):
            self.root.start("one")
            self.root.stop("one")
        self.root.start("one")
        self.assert_answers("one")

    def test_a_stop_right_after_the_start_is_quick(self):
        path = self.make(start=False)
        slowest = 0.0
        for number in range(STOPS):
            start = self.root.call(path, SERVER, "Start", "a{sv}", {})
            if number % 2:
                self.root.wait(start)
            began = time.monotonic()
            self.root.stop("one")
            slowest = max(slowest, time.monotonic() - began)
            self.assert_down("one")
        self.assertLess(slowest, STOP_SECONDS_MAX)

    def test_a_stop_at_any_moment_of_a_start_by_hand_is_quick(self):
        self.make(start=False)
        moment = random.Random(7)
        for _ in range(STOPS):
            run(["systemctl", "start", "--no-block", server_unit("one")])
            threading.Event().wait(moment.uniform(0, 0.3))
            began = time.monotonic()
            run(["systemctl", "stop", server_unit("one"), mount_unit("one")])
            took = time.monotonic() - began
            self.assertLess(took, STOP_SECONDS_MAX)
            self.assertEqual(mounts("one"), [])
            self.assertEqual(main_pid("one"), 0)
            run(["systemctl", "reset-failed", server_unit("one"), mount_unit("one")], check=False)

"""What a host does to a service: kills at any moment, many cycles, full queues. Games never notice."""
import json
import os
import pathlib
import random
import select
import signal
import threading

import left4me
from left4me import (BusError, Caller, SystemTest, descriptors, eventually, main_pid, manager_pid, mounts, resident,
                     run, server_unit, unit_property)

CYCLES = int(os.environ.get("LEFT4ME_CYCLES", "100"))
KILLS = int(os.environ.get("LEFT4ME_KILLS", "15"))
GONE = {"NoReply", "ServiceUnknown", "Disconnected", "NameHasNoOwner", "TimedOut", "Timeout"}


class Robust(SystemTest):
    def setUp(self):
        super().setUp()
        self.root.make_overlay("base", {"left4dead2/maps/attic.bsp": "VBSP attic"})
        self.root.make_blueprint("bp", ["base"], ["+map", "attic"])

    def kill(self, pid):
        """SIGKILL, and the wait for the process to be gone."""
        fd = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        select.select([fd], [], [], 10)
        os.close(fd)

    def manager_back(self, old):
        eventually(lambda: manager_pid() not in (0, old), "the manager is back", 5)
        self.root.get(left4me.MANAGER, "Manager", "Version")

    def test_cycles_leave_no_mount_no_descriptor_and_no_memory(self):
        self.root.make_server("cycle", "bp")
        for _ in range(10):  # caches and the allocator settle
            self.root.start("cycle")
            self.root.stop("cycle")
        pid = manager_pid()
        before = descriptors(pid), resident(pid)
        for _ in range(CYCLES):
            self.root.start("cycle")
            self.root.stop("cycle")
            self.assertEqual(unit_property(left4me.mount_unit("cycle"), "ActiveState"), "inactive")
        self.assertEqual(mounts(), [])
        self.assertEqual(manager_pid(), pid)
        self.assertEqual(descriptors(pid), before[0])
        self.assertLessEqual(resident(pid) - before[1], 1024, f"KiB more after {CYCLES} cycles")
        remains = [p.name for p in pathlib.Path("/var/lib/left4me/servers/cycle/work").iterdir()]
        self.assertEqual(remains, [])

    def test_games_do_not_notice_that_the_manager_dies_or_restarts(self):
        names = ["g1", "g2"]
        for name in names:
            self.root.make_server(name, "bp")
            self.root.start(name)
            self.assert_answers(name)
        pids = {name: main_pid(name) for name in names}
        before = manager_pid()
        self.kill(before)
        self.manager_back(before)
        run(["systemctl", "restart", "left4me-manager.service"])
        for name in names:
            self.assertEqual(main_pid(name), pids[name])
            self.assertEqual(self.root.property(name, "State"), "running")
            self.assertEqual(self.root.property(name, "RunningRevision"), self.root.property(name, "DesiredRevision"))
            self.assert_answers(name, map="attic")
        self.root.stop("g1")
        self.assert_down("g1")

    def test_the_manager_killed_under_load_is_consistent_and_loses_nothing_acknowledged(self):
        """Callers make and remove things while it is killed at random moments; what was answered must be so."""
        self.root.make_server("bystander", "bp")
        self.root.start("bystander")
        self.assert_answers("bystander")
        game = main_pid("bystander")
        stop = threading.Event()
        acknowledged = [{} for _ in range(3)]  # name: the state it is to end in, None where that was not answered
        jobs = []
        problems = []

        def verb(caller, number, name, method, state):
            acknowledged[number][name] = None
            job = caller.call(caller.server(name), "org.left4me.Server", method, "a{sv}", {})
            acknowledged[number][name] = state
            jobs.append((job, f"{method} {name}"))
            caller.wait(job)

        def work(number):
            caller = Caller("root")
            count = 0
            try:
                while not stop.is_set():
                    name = f"w{number}-{count}"
                    count += 1
                    try:
                        caller.make_server(name, "bp")
                    except BusError as error:
                        if error.short not in GONE:
                            problems.append(str(error))
                        continue
                    acknowledged[number][name] = "stopped"
                    try:
                        verb(caller, number, name, "Start", "running")
                        verb(caller, number, name, "Stop", "stopped")
                    except BusError as error:
                        if error.short not in GONE | {"Cancelled"} and "manager" not in error.message:
                            problems.append(f"{name}: {error}")
            finally:
                caller.close()

        threads = [threading.Thread(target=work, args=(i,)) for i in range(len(acknowledged))]
        for thread in threads:
            thread.start()
        moment = random.Random(4)
        try:
            for _ in range(KILLS):
                stop.wait(moment.uniform(0.02, 0.6))  # the moment is what the test varies
                pid = manager_pid()
                if pid:
                    self.kill(pid)
                    self.manager_back(pid)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(problems, [])
        self.assertEqual(main_pid("bystander"), game)
        eventually(lambda: self.root.get(left4me.MANAGER, "Manager", "NJobs") == 0, "every job was finished or closed", 5)
        for job, what in jobs:
            result, error, message = self.root.call(job, "org.left4me.Job", "Wait", "ta{sv}", 0, {})
            self.assertEqual((result, error, message), ("done", "", ""), what)
        self.assertGreater(len(jobs), KILLS)
        for name, wanted in {n: s for part in acknowledged for n, s in part.items()}.items():
            state = self.root.property(name, "State")
            self.assertIn(state, (wanted,) if wanted else ("running", "stopped"), name)
            if state == "running":
                self.assert_answers(name)
                self.root.stop(name)
            self.assert_down(name)
        run(["systemctl", "stop", "left4me-manager.service"])  # it alone may have the database open
        try:
            check = run(["sqlite3", "/var/lib/left4me/manager.db", "PRAGMA integrity_check"])
        finally:
            run(["systemctl", "start", "left4me-manager.service"])
        self.assertEqual(check.stdout.strip(), "ok")

    def test_a_killed_mount_helper_leaves_no_mount_and_the_next_start_works(self):
        self.root.make_server("one", "bp")
        # Held at its first step by a manager that does not answer: the moment of the kill is then certain.
        self.root.get(left4me.MANAGER, "Manager", "Version")
        pid = manager_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            run(["systemctl", "start", "--no-block", server_unit("one")])
            eventually(lambda: int(unit_property(left4me.mount_unit("one"), "MainPID")) > 0, "the helper runs")
            run(["systemctl", "kill", "-s", "KILL", left4me.mount_unit("one")])
        finally:
            os.kill(pid, signal.SIGCONT)
        eventually(lambda: unit_property(left4me.mount_unit("one"), "ActiveState") in ("failed", "inactive"), "it is down")
        self.assertEqual(mounts("one"), [])
        eventually(lambda: self.root.property("one", "State") in ("stopped", "failed"), "the manager saw it")
        self.root.start("one")
        self.assert_answers("one")

    def test_a_killed_store_run_changes_nothing_and_the_next_one_cleans_up(self):
        overlay = self.root.overlay("base")
        before = self.root.get(overlay, "Overlay", "Generation")
        source = "/var/lib/left4me/spool/large"
        run(["cp", "-a", left4me.GAME, source])
        self.addCleanup(run, ["rm", "-rf", source])
        run(["chown", "-R", "left4me:left4me", source])
        job = self.root.call(overlay, "org.left4me.Overlay", "ImportPath", "ssa{sv}", "large", "directory", {})

        def store_pids():
            listing = run(["systemctl", "list-units", "--plain", "--no-legend", "--output=json",
                           "left4me-store-*.service"]).stdout
            units = [unit["unit"] for unit in json.loads(listing)]
            return [int(unit_property(unit, "MainPID")) for unit in units]

        eventually(lambda: any(store_pids()), "the store runs")
        for pid in filter(None, store_pids()):
            self.kill(pid)
        with self.assertRaises(left4me.JobError):
            self.root.wait(job)
        self.assertEqual(self.root.get(overlay, "Overlay", "Generation"), before)
        self.root.wait(self.root.call(overlay, "org.left4me.Overlay", "ImportPath", "ssa{sv}", "large", "directory", {}))
        self.assertEqual(self.root.get(overlay, "Overlay", "Generation"), before + 1)
        self.root.wait(self.root.manager("VerifyStore", "a{sv}", {}))

    def test_a_game_killed_by_hand_comes_back(self):
        self.root.make_server("one", "bp")
        self.root.start("one")
        self.assert_answers("one")
        pid = main_pid("one")
        self.kill(pid)
        eventually(lambda: main_pid("one") not in (0, pid), "systemd restarted it")
        self.assert_answers("one")

    def test_calls_in_flight_are_limited_per_user_and_others_do_not_suffer(self):
        self.root.make_server("one", "bp")
        self.root.start("one")
        job = self.root.call(self.root.server("one"), "org.left4me.Server", "Stop", "a{sv}", {})
        self.root.wait(job)
        path = self.root.server("one")
        callers = [Caller("alice") for _ in range(12)]
        for caller in callers:
            caller.server("one")
        run(["systemctl", "start", "polkit.service"])  # otherwise whoever asks it first starts it
        run(["systemctl", "kill", "-s", "STOP", "polkit.service"])
        try:
            for caller in callers:
                caller.send(path, "org.left4me.Server", "Start", "a{sv}", {})
            # Eight wait for polkit; each of the others is answered at once.
            answered = set()
            while len(answered) < 4:
                waiting = [c.process.stdout for c in callers if c.process.stdout not in answered]
                readable, _, _ = select.select(waiting, [], [], 10)
                self.assertTrue(readable, f"{len(answered)} of 4 calls above the limit were answered")
                answered.update(readable)
            self.assertEqual(self.root.property("one", "State"), "stopped")
            self.assertIsNotNone(self.mallory.get(left4me.MANAGER, "Manager", "Version"))
        finally:
            run(["systemctl", "kill", "-s", "CONT", "polkit.service"])
        answers = []
        for caller in callers:
            try:
                caller.receive()
                answers.append("")
            except BusError as error:
                answers.append(error.short)
            caller.close()
        self.assertEqual(sorted(answers), [""] * 8 + ["LimitReached"] * 4)

"""What waits for the store, and what must not happen meanwhile."""
import os
import pathlib
import tempfile
import time

import left4me
from left4me import BusError, Caller, SystemTest, manager_pid, mounts, run, server_unit, unit_property

OVERLAY = "org.left4me.Overlay"
SERVER = "org.left4me.Server"
BLOCKERS = ("first-blocker", "second-blocker")


class Queue(SystemTest):
    def setUp(self):
        super().setUp()
        self.root.make_overlay("base", {"left4dead2/maps/attic.bsp": "VBSP attic"})
        self.root.make_blueprint("bp", ["base"])
        self.root.make_server("kept", "bp")

    def block_store(self):
        """As many imports as one caller may have at once, of root here, that read from a pipe into which nobody writes;
        returns what ends them."""
        directory = tempfile.mkdtemp()
        fifo = f"{directory}/fifo"
        os.mkfifo(fifo)
        writer = os.open(fifo, os.O_RDWR)
        jobs = []
        for name in BLOCKERS:
            path = self.root.manager("CreateOverlay", "ssa{sv}", name, "files", {})
            jobs.append(self.root.call(path, OVERLAY, "Import", "hsa{sv}", [fifo, "r"], "tar", {}))
        released = []

        def release():
            if not released:
                released.append(True)
                for job in jobs:
                    self.root.call(job, "org.left4me.Job", "Cancel", "a{sv}", {})
                for job in jobs:
                    self.root.call(job, "org.left4me.Job", "Wait", "ta{sv}", 60000000, {})
                os.close(writer)
                os.unlink(fifo)
                os.rmdir(directory)
        self.addCleanup(release)
        return release

    def callers(self, number):
        found = [Caller("root") for _ in range(number)]
        for caller in found:
            self.addCleanup(caller.close)
        return found

    def test_nothing_starts_a_server_that_waits_to_be_reset(self):
        self.root.start("kept")
        upper = pathlib.Path("/var/lib/left4me/servers/kept/upper")
        release = self.block_store()
        job = self.root.call(self.root.server("kept"), SERVER, "Reset", "a{sv}", {})
        left4me.eventually(lambda: self.root.property("kept", "State") == "stopped", "the reset has stopped it")
        self.assertNotEqual(run(["systemctl", "restart", server_unit("kept")], check=False).returncode, 0)
        self.assertEqual(mounts("kept"), [])
        release()
        self.root.wait(job)
        self.assertFalse(upper.exists() and any(upper.iterdir()))
        self.root.start("kept")
        self.assert_answers("kept")

    def test_of_two_edits_of_one_revision_one_is_refused(self):
        path = self.root.overlay("base")
        revision = self.root.get(path, "Overlay", "Generation")
        release = self.block_store()
        both = self.callers(2)
        for number, caller in enumerate(both):
            caller.send(path, OVERLAY, "WriteFile", "saya{sv}", "left4dead2/cfg/a.cfg", f"echo {number}\n",
                        {"if-revision": ["u", revision]})
        # Both are in the queue now: NJobs counts them and the imports.
        left4me.eventually(lambda: self.root.get(left4me.MANAGER, "Manager", "NJobs") == 2 + len(BLOCKERS),
                           "both edits are queued")
        release()
        ends = []
        for caller in both:
            try:
                caller.receive()
                ends.append("done")
            except BusError as error:
                ends.append(error.short)
        self.assertEqual(sorted(ends), ["RevisionConflict", "done"])
        self.assertEqual(self.root.get(path, "Overlay", "Generation"), revision + 1)

    def test_calls_in_flight_do_not_keep_a_server_from_its_plan(self):
        path = self.root.overlay("base")
        release = self.block_store()
        waiting = self.callers(8)
        for number, caller in enumerate(waiting):
            caller.send(path, OVERLAY, "WriteFile", "saya{sv}", f"left4dead2/cfg/{number}.cfg", "", {})
        left4me.eventually(lambda: self.root.get(left4me.MANAGER, "Manager", "NJobs") == 8 + len(BLOCKERS),
                           "all edits are queued")
        self.refused("LimitReached", self.root.call, path, OVERLAY, "ListGenerations", "a{sv}", {})
        self.root.server("kept")
        run(["systemctl", "start", server_unit("kept")])
        self.assert_answers("kept")
        release()
        for caller in waiting:
            caller.receive()

    def test_a_plan_that_no_message_could_hold_is_refused(self):
        text = "echo " + "x" * 120 + "\n"
        text *= 250 * 1024 // len(text)
        names = [f"big-{number}" for number in range(34)]
        for name in names:
            self.root.make_overlay(name, {"left4dead2/cfg/server.cfg": text})
        self.root.make_blueprint("big", names)
        self.root.make_server("big", "big")
        pid = manager_pid()
        self.refused("InvalidContent", self.root.call, self.root.server("big"), SERVER, "GetPlan", "a{sv}", {})
        with self.assertRaises(left4me.JobError) as caught:
            self.root.start("big")
        self.assertIn("server.cfg", caught.exception.message)
        self.assertEqual(manager_pid(), pid)
        self.assertEqual(unit_property(server_unit("big"), "ActiveState"), "inactive")

    def test_a_request_id_names_one_job(self):
        path = self.root.server("kept")
        options = {"request-id": ["s", f"r{time.time_ns()}"]}
        release = self.block_store()
        first = self.root.call(path, SERVER, "Reset", "a{sv}", {})
        mine = self.root.call(path, SERVER, "Reset", "a{sv}", options)
        self.assertNotEqual(mine, first)
        self.assertEqual(self.root.call(path, SERVER, "Reset", "a{sv}", options), mine)
        release()
        self.root.wait(mine)
        self.assertEqual(self.root.call(path, SERVER, "Reset", "a{sv}", options), mine)

    def test_the_end_of_a_job_outlives_the_manager(self):
        path = self.root.server("kept")
        options = {"request-id": ["s", f"r{time.time_ns()}"]}
        job = self.root.call(path, SERVER, "Start", "a{sv}", options)
        self.root.wait(job)
        failed = self.root.call(left4me.INSTALLATION, "org.left4me.Installation", "ImportDirectory", "sa{sv}",
                                "/nowhere", {})
        before = self.root.call(failed, "org.left4me.Job", "Wait", "ta{sv}", 60000000, {})
        self.assertEqual(before[0], "failed")
        run(["systemctl", "restart", "left4me-manager.service"])
        self.root.wait(job)
        self.assertEqual(self.root.call(failed, "org.left4me.Job", "Wait", "ta{sv}", 0, {}), before)
        self.assertEqual(self.root.call(path, SERVER, "Start", "a{sv}", options), job)

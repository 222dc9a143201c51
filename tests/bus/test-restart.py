#!/usr/bin/python3
"""The manager is killed in the middle, and starts again: what was acknowledged is finished, or closed with a reason."""
import json
import os
import pathlib
import signal
import sqlite3

from world import (DATABASE, ERROR, INSTALLATION, MANAGER, ROOT, RUN, STATE, TOP, WANTS, World, blueprint, main, options,
                   overlay, server, wait)

UNIT = "left4me-server@alpha.service"
MOUNT = "left4me-mount@alpha.service"


class Killed(World):
    def setUp(self):
        super().setUp()
        self.install()
        self.make_server()
        self.alpha = server("alpha")
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {})
        self.maps = overlay("maps")
        self.end_of(self.root.call(self.maps, "ImportPath", "(ssa{sv})", "new", "tar", {}))
        self.held = []
        self.runs = []

    def accept(self, call):
        call.accept()
        self.held.append(call)

    def begin(self, method, hold):
        self.systemd.on[hold] = self.accept
        job = self.root.call(self.alpha, method, "(a{sv})", {})
        wait(lambda: self.held, hold)
        return job

    def wait_open_jobs(self):
        wait(lambda: self.root.get(MANAGER, "NJobs") == 0, "the end of all jobs")

    def test_a_start_is_asked_for_again(self):
        job = self.begin("Start", "StartUnit")
        self.kill()
        del self.systemd.on["StartUnit"]
        self.start()
        self.assertEqual(self.end_of(job), ("done", "", ""))
        self.assertEqual(self.root.get(self.alpha, "State"), "running")
        self.assertTrue((WANTS / UNIT).is_symlink())

    def test_a_start_that_systemd_finished_meanwhile_is_done(self):
        job = self.begin("Start", "StartUnit")
        self.kill()
        self.systemd.finish_start(self.held[0])
        del self.systemd.on["StartUnit"]
        self.start()
        self.assertEqual(self.root.get(self.alpha, "State"), "running")
        self.assertEqual(self.end_of(job)[0], "done")

    def test_a_stop_goes_on(self):
        self.end_of(self.root.call(self.alpha, "Start", "(a{sv})", {}))
        job = self.begin("Stop", "StopUnit")
        self.kill()
        del self.systemd.on["StopUnit"]
        self.start()
        self.assertEqual(self.end_of(job)[0], "done")
        self.assertEqual(self.root.get(self.alpha, "State"), "stopped")
        self.assertFalse((WANTS / UNIT).is_symlink())

    def test_a_restart_goes_on(self):
        self.end_of(self.root.call(self.alpha, "Start", "(a{sv})", {}))
        job = self.begin("Restart", "RestartUnit")
        self.kill()
        del self.systemd.on["RestartUnit"]
        self.start()
        self.assertEqual(self.end_of(job)[0], "done")

    def test_enable_and_disable_go_on(self):
        for value, method in ((True, "EnableUnitFiles"), (False, "DisableUnitFiles")):
            with self.subTest(method):
                calls = []
                self.systemd.on[method] = calls.append
                self.root.begin(self.alpha, "SetAutostart", "(ba{sv})", value, {})
                wait(lambda calls=calls: calls, method)
                self.kill()
                del self.systemd.on[method]
                self.start()
                self.wait_open_jobs()
                self.assertEqual((WANTS / UNIT).is_symlink(), value)
                self.assertEqual(self.root.get(self.alpha, "Autostart"), value)

    def test_reset_and_delete_go_on_from_their_stop_and_from_their_discard(self):
        for method in ("Reset", "Delete"):
            for hold in ("StopUnit", "StartTransientUnit"):
                with self.subTest(method=method, hold=hold):
                    if (STATE / "manager.db").exists() and not self.exists():
                        self.make_server()
                    self.held.clear()
                    job = self.begin(method, hold)
                    self.kill()
                    del self.systemd.on[hold]
                    self.start()
                    self.assertEqual(self.end_of(job)[0], "done")
                    self.assertEqual(self.exists(), method == "Reset")

    def exists(self):
        return self.alpha in self.root.call(ROOT, "org.freedesktop.DBus.ObjectManager.GetManagedObjects")

    def begin_run(self, path, method, signature, *arguments):
        self.runs.clear()
        self.systemd.on_store = self.runs.append
        job = self.root.call(path, method, signature, *arguments)
        wait(lambda: self.runs, "the store run")
        return job

    def each_store_job(self):
        yield "import", lambda: self.begin_run(self.maps, "ImportPath", "(ssa{sv})", "new", "tar", {})
        yield "import", lambda: self.begin_run(INSTALLATION, "ImportDirectory", "(sa{sv})", "/srv/game", {})
        yield "export", lambda: self.begin_run(self.maps, "ExportPath", "(sa{sv})", "out.tar", {})
        yield "rollback", lambda: self.begin_run(self.maps, "Rollback", "(ua{sv})", 1, {})
        yield "verify", lambda: self.begin_run(MANAGER, "VerifyStore", "(a{sv})", {})
        yield "prune", lambda: self.begin_run(MANAGER, "PruneStore", "(a{sv})", {})

    def test_a_store_run_that_goes_on_is_picked_up(self):
        for kind, begin in self.each_store_job():
            with self.subTest(kind):
                job = begin()
                self.restart()
                self.assertEqual(self.state_of(job), "running")
                self.helper(self.runs[0])
                self.assertEqual(self.end_of(job)[0], "done")
                self.assertEqual(len(self.runs), 1)

    def test_a_store_run_that_ended_meanwhile_counts(self):
        for kind, begin in self.each_store_job():
            with self.subTest(kind):
                job = begin()
                self.kill()
                self.helper(self.runs[0])
                self.systemd.on_store = self.helper
                self.start()
                self.assertEqual(self.end_of(job)[0], "done")
        self.assertEqual(self.root.get(self.maps, "Generation"), 1)

    def test_a_store_run_that_was_killed_too_is_done_again_or_closed_with_a_reason(self):
        for kind, begin in self.each_store_job():
            with self.subTest(kind):
                job = begin()
                self.kill()
                self.runs[0].end("failed")
                self.systemd.on_store = self.helper
                self.start()
                result, error, message = self.end_of(job)
                if kind in ("import", "export"):
                    self.assertEqual((result, error), ("failed", ERROR + "StoreFailed"))
                    self.assertIn("journalctl", message)
                else:
                    self.assertEqual(result, "done")

    def test_a_write_whose_data_is_gone_with_the_manager_is_closed(self):
        self.runs.clear()
        self.systemd.on_store = self.runs.append
        # A prune is alone, so that the write never began.
        self.begin_run(MANAGER, "PruneStore", "(a{sv})", {})
        self.root.begin(self.maps, "WriteFile", "(saya{sv})", "cfg/a", b"text", {})
        wait(lambda: self.root.get(MANAGER, "NJobs") == 2, "the write")
        self.kill()
        self.helper(self.runs[0])
        self.systemd.on_store = self.helper
        self.start()
        self.wait_open_jobs()
        self.kill()
        rows = self.sql("SELECT state, error, message FROM job WHERE kind = 'edit'")
        self.assertEqual([r[:2] for r in rows], [("cancelled", ERROR + "Cancelled")])
        self.assertIn("ask again", rows[0][2])
        self.start()

    def test_runs_that_go_on_and_one_that_nobody_knows_keep_only_a_prune_waiting(self):
        stranger = "left4me-store-4000000.service"
        job = self.begin_run(self.maps, "ImportPath", "(ssa{sv})", "new", "tar", {})
        self.kill()
        self.systemd.set_state(stranger, "active")
        self.start()
        prune = self.root.call(MANAGER, "PruneStore", "(a{sv})", {})
        other = self.root.call(INSTALLATION, "ImportDirectory", "(sa{sv})", "/srv/game", {})
        wait(lambda: len(self.runs) == 2, "the other import")
        for run in self.runs[:]:
            self.helper(run)
        self.assertEqual([self.end_of(job)[0], self.end_of(other)[0]], ["done", "done"])
        self.assertEqual((len(self.runs), self.state_of(prune)), (2, "running"))
        self.systemd.set_state(stranger, "inactive")
        self.systemd.unload(stranger)
        wait(lambda: len(self.runs) == 3, "the prune")
        self.helper(self.runs[2])
        self.assertEqual(self.end_of(prune)[0], "done")

    def test_what_is_queued_keeps_its_order(self):
        first = self.begin("Start", "StartUnit")
        second = self.root.call(self.alpha, "Stop", "(a{sv})", {})
        self.kill()
        del self.systemd.on["StartUnit"]
        n = len(self.systemd.calls)
        self.start()
        self.assertEqual([self.end_of(first)[0], self.end_of(second)[0]], ["done", "done"])
        verbs = [c.method for c in self.systemd.calls[n:] if c.method in ("StartUnit", "StopUnit")]
        self.assertEqual(verbs, ["StartUnit", "StopUnit"])
        self.assertEqual(self.root.get(self.alpha, "State"), "stopped")

    def test_a_request_id_holds_over_a_restart(self):
        job = self.root.call(self.alpha, "Stop", "(a{sv})", options(request_id=("s", "one")))
        self.systemd.on["StartUnit"] = self.accept
        started = self.root.call(self.alpha, "Start", "(a{sv})", options(request_id=("s", "two")))
        wait(lambda: self.held, "the start")
        self.restart()
        self.assertEqual(self.root.call(self.alpha, "Start", "(a{sv})", options(request_id=("s", "two"))), started)
        self.assertNotEqual(job, started)

    def test_a_failed_start_undoes_the_enablement_of_its_earlier_life(self):
        job = self.begin("Start", "StartUnit")
        self.assertTrue((WANTS / UNIT).is_symlink())
        self.kill()
        self.systemd.on["StartUnit"] = lambda call: call.refuse()
        self.start()
        self.assertEqual(self.end_of(job)[0], "failed")
        self.assertFalse((WANTS / UNIT).is_symlink())

    def test_what_runs_is_known_again(self):
        self.end_of(self.root.call(self.alpha, "Start", "(a{sv})", {}))
        self.root.call(ROOT + "/internal", "GetMountPlan", "(s)", "alpha")
        revision = self.root.get(self.alpha, "RunningRevision")
        self.assertGreater(revision, 0)
        self.restart()
        shown = self.root.get_all(self.alpha)
        self.assertEqual((shown["State"], shown["RunningRevision"], shown["Autostart"]), ("running", revision, True))
        self.assertEqual(shown["StartedAt"], 1700000000000000)

    def test_what_stopped_while_nobody_looked_is_stopped(self):
        self.end_of(self.root.call(self.alpha, "Start", "(a{sv})", {}))
        self.root.call(ROOT + "/internal", "GetMountPlan", "(s)", "alpha")
        self.kill()
        for unit in (UNIT, MOUNT):
            self.systemd.set_state(unit, "inactive")
            self.systemd.unload(unit)
        self.start()
        shown = self.root.get_all(self.alpha)
        self.assertEqual((shown["State"], shown["RunningRevision"], shown["StartedAt"]), ("stopped", 0, 0))

    def test_what_failed_while_nobody_looked_says_why(self):
        self.end_of(self.root.call(self.alpha, "Start", "(a{sv})", {}))
        self.kill()
        self.systemd.failures[UNIT] = {"ExecMainCode": 1, "ExecMainStatus": 42}
        self.systemd.set_state(UNIT, "failed")
        self.start()
        wait(lambda: "42" in self.root.get(self.alpha, "LastError"), "LastError")

    def test_identities_that_were_lost_are_written_again(self):
        for path in pathlib.Path("/etc/userdb").iterdir():
            path.unlink()
        dropin = pathlib.Path(f"/etc/systemd/system/{UNIT}.d/10-left4me.conf")
        dropin.write_text("[Service]\nUser=root\n", encoding="utf-8")
        self.restart()
        self.assertIn("User=l4d2-0\n", dropin.read_text(encoding="utf-8"))
        names = sorted(p.name for p in pathlib.Path("/etc/userdb").iterdir())
        self.assertEqual(names, ["1880000000.group", "1880000000.user", "l4d2-0.group", "l4d2-0.user"])
        self.assertEqual(os.readlink("/etc/userdb/1880000000.user"), "l4d2-0.user")
        wait(lambda: self.systemd.called("Reload"), "a reload of systemd")

    def test_damaged_plan_files_and_outputs_are_survived(self):
        (RUN / "plans/alpha").write_text("{", encoding="utf-8")
        job = self.begin_run(MANAGER, "VerifyStore", "(a{sv})", {})
        self.kill()
        self.runs[0].write("\x00\xff garbage")
        self.runs[0].end()
        self.systemd.on_store = self.helper
        self.start()
        self.assertIn(self.end_of(job)[0], ("done", "failed"))


class OldDatabase(World):
    start_manager = False

    def test_a_database_of_the_first_release_is_served(self):
        with sqlite3.connect(DATABASE) as database:
            database.executescript((TOP / "tests/unit/fixtures/schema-1.sql").read_text(encoding="utf-8"))
        database.close()
        self.start()
        self.assertEqual(self.root.get(server("alpha"), "Port"), 27015)
        self.assertEqual(self.root.get(server("beta"), "Blueprint"), "beta")
        self.assertEqual(self.root.get(blueprint("duel"), "Overlays"), ["config", "maps"])
        definition = self.root.call(blueprint("duel"), "GetDefinition", "(a{sv})", {})
        self.assertEqual(definition["config"], ["sv_consistency 1", "hostname \"It's Alpha\""])
        self.assertEqual(self.root.get(overlay("maps"), "Global"), True)
        wait(lambda: self.root.get(MANAGER, "NJobs") == 0, "the job that was open")
        self.assertEqual([c.unit for c in self.systemd.called("StopUnit")], [MOUNT])

    def test_a_killed_migration_is_begun_again(self):
        self.start()
        self.kill()
        self.assertEqual(self.sql("PRAGMA user_version"), [(1,)])
        self.assertEqual(json.dumps(self.sql("PRAGMA integrity_check")), '[["ok"]]')
        self.start()


class End(World):
    def test_sigterm_ends_within_a_second_with_status_0_and_without_a_leak(self):
        self.install()
        self.make_server()
        self.polkit.decide = lambda check: None
        self.caller(1001).begin(server("alpha"), "Stop", "(a{sv})", {})
        self.wait_check()
        self.systemd.on["StopUnit"] = lambda call: None
        job = self.root.call(server("alpha"), "Stop", "(a{sv})", {})
        self.root.begin(job, "Wait", "(ta{sv})", 10**8, {})
        self.systemd.on_store = lambda run: None
        self.root.call(MANAGER, "VerifyStore", "(a{sv})", {})
        wait(lambda: self.systemd.called("StopUnit") and self.systemd.runs, "work in progress")
        for number in (signal.SIGTERM, signal.SIGINT):
            code, took = self.manager.end(number)
            self.assertEqual(code, 0)
            self.assertLess(took, 1)
            self.assertIn("STOPPING=1", self.manager.notified)
            self.start()

    def test_the_manager_ends_when_the_bus_does(self):
        self.daemon.kill()
        self.daemon.wait()
        wait(lambda: not self.manager.alive(), "the manager's end")
        self.assertNotEqual(self.manager.process.returncode, 0)


if __name__ == "__main__":
    main()

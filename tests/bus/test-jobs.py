#!/usr/bin/python3
"""Jobs: queued, joined, waited for, cancelled, undone; what systemd and the store refuse, delay, or never answer."""
import json
import os

from gi.repository import GLib

import systemd1
from world import (ERROR, INSTALLATION, INVALID, MANAGER, STANDARD, WANTS, World, main, options, overlay, server, wait)

UNIT = "left4me-server@alpha.service"
MOUNT = "left4me-mount@alpha.service"


class Servers(World):
    def setUp(self):
        super().setUp()
        self.install()
        self.make_server()
        self.alpha = server("alpha")

    def verb(self, name, method, **keywords):
        return self.root.call(server(name), method, "(a{sv})", options(**keywords))

    def enabled(self, unit=UNIT):
        return (WANTS / unit).is_symlink()

    def test_start_enables_and_starts_and_stop_undoes_both(self):
        self.assertEqual(self.end_of(self.verb("alpha", "Start")), ("done", "", ""))
        self.assertTrue(self.enabled())
        self.assertEqual(self.root.get(self.alpha, "State"), "running")
        self.assertEqual(self.root.get(self.alpha, "Autostart"), True)
        self.assertEqual(self.end_of(self.verb("alpha", "Stop")), ("done", "", ""))
        self.assertFalse(self.enabled())
        self.assertEqual([c.unit for c in self.systemd.called("StopUnit")], [MOUNT])
        self.assertEqual(self.root.get(self.alpha, "State"), "stopped")

    def test_only_now_leaves_enablement_alone(self):
        self.end_of(self.verb("alpha", "Start", only_now=("b", True)))
        self.assertFalse(self.enabled())
        self.end_of(self.verb("alpha", "Start"))
        self.end_of(self.verb("alpha", "Stop", only_now=("b", True)))
        self.assertTrue(self.enabled())

    def test_a_start_that_systemd_refuses_undoes_the_enablement(self):
        self.systemd.on["StartUnit"] = lambda call: call.refuse(text="Unit is masked.")
        result, error, message = self.end_of(self.verb("alpha", "Start"))
        self.assertEqual((result, error), ("failed", ERROR + "StartFailed"))
        self.assertIn("srcds_run", message)
        self.assertFalse(self.enabled())
        self.assertEqual(self.root.get(self.alpha, "LastError"), message)

    def test_a_start_whose_job_fails_undoes_the_enablement_and_says_why(self):
        def fail(call):
            call.accept()
            self.systemd.failures[MOUNT] = {"StatusText": "no space left"}
            self.systemd.set_state(MOUNT, "failed")
            call.end("dependency")
        self.systemd.on["StartUnit"] = fail
        result, error, message = self.end_of(self.verb("alpha", "Start"))
        self.assertEqual((result, error), ("failed", ERROR + "MountFailed"))
        self.assertIn("no space left", message)
        self.assertFalse(self.enabled())

    def test_what_was_enabled_before_stays_enabled_when_a_start_fails(self):
        self.root.call(self.alpha, "SetAutostart", "(ba{sv})", True, {})
        self.systemd.on["StartUnit"] = lambda call: call.refuse()
        self.assertEqual(self.end_of(self.verb("alpha", "Start"))[0], "failed")
        self.assertTrue(self.enabled())

    def test_a_start_that_never_ends_harms_nobody_else(self):
        held = []
        self.systemd.on["StartUnit"] = lambda call: (
            self.systemd.do_StartUnit(call) if "beta" in call.unit else held.append(call))
        self.make_server("beta")
        job = self.verb("alpha", "Start")
        wait(lambda: held, "the start")
        self.assertEqual(self.state_of(job), "running")
        self.assert_quick()
        self.assertEqual(self.end_of(self.verb("beta", "Start"))[0], "done")
        self.assertEqual(self.root.get(MANAGER, "NJobs"), 1)
        held[0].accept()
        self.assertEqual(self.state_of(job), "running")
        self.systemd.finish_start(held[0])
        self.assertEqual(self.end_of(job)[0], "done")

    def test_a_reload_that_never_ends_harms_nobody(self):
        self.systemd.on["Reload"] = lambda call: None
        self.root.call(self.alpha, "SetPort", "(qa{sv})", 27050, {})
        self.assert_quick()
        self.assertEqual(self.end_of(self.verb("alpha", "Start"))[0], "done")

    def test_an_identical_start_joins_the_one_that_runs(self):
        self.systemd.on["StartUnit"] = lambda call: None
        first = self.verb("alpha", "Start")
        self.assertEqual(self.verb("alpha", "Start"), first)
        self.assertNotEqual(self.verb("alpha", "Start", only_now=("b", True)), first)
        stop = self.verb("alpha", "Stop")
        self.assertEqual(self.verb("alpha", "Stop"), stop)
        self.assertNotEqual(self.verb("alpha", "Start"), first)

    def test_sixteen_wait_the_next_is_busy(self):
        self.systemd.on["StartUnit"] = lambda call: None
        jobs = {self.verb("alpha", ("Start", "Stop")[i % 2]) for i in range(16)}
        self.assertEqual(len(jobs), 16)
        self.assertIn("server/alpha", self.refused("Busy", self.verb, "alpha", "Start"))
        self.make_server("beta")
        self.assertIn("/job/", self.verb("beta", "Stop"))

    def test_the_same_request_id_returns_the_same_job_even_after_its_end(self):
        job = self.verb("alpha", "Start", request_id=("s", "one"))
        self.end_of(job)
        self.assertEqual(self.verb("alpha", "Start", request_id=("s", "one")), job)
        self.assertEqual(len(self.systemd.called("StartUnit")), 1)
        self.assertIn("something else", self.refused(INVALID, self.verb, "alpha", "Stop", request_id=("s", "one")))
        self.assertNotEqual(self.verb("alpha", "Start", request_id=("s", "two")), job)

    def test_a_request_id_names_a_job_of_its_own(self):
        self.systemd.on["StartUnit"] = lambda call: None
        first = self.verb("alpha", "Start")
        named = self.verb("alpha", "Start", request_id=("s", "one"))
        self.assertNotEqual(named, first)
        self.assertEqual(self.verb("alpha", "Start", request_id=("s", "one")), named)

    def test_a_request_id_is_its_principals_own(self):
        job = self.verb("alpha", "Stop", request_id=("s", "one"))
        self.end_of(job)
        self.polkit.decide = lambda check: "yes"
        other = self.caller(1001).call(self.alpha, "Stop", "(a{sv})", options(request_id=("s", "one")))
        self.assertNotEqual(other, job)

    def test_a_request_id_is_printable(self):
        for bad in ("", "x" * 65, "a\nb", "ü"):
            self.refused(INVALID, self.verb, "alpha", "Stop", request_id=("s", bad))

    def test_a_revision_that_is_not_the_objects_conflicts(self):
        revision = self.root.get(self.alpha, "DesiredRevision")
        self.assertIn(str(revision), self.refused("RevisionConflict", self.verb, "alpha", "Start",
                                                  if_revision=("u", revision + 1)))
        self.root.call(self.alpha, "SetPort", "(qa{sv})", 27050, options(if_revision=("u", revision)))
        self.refused("RevisionConflict", self.root.call, self.alpha, "SetPort", "(qa{sv})", 27051,
                     options(if_revision=("u", revision)))
        self.assertEqual(self.root.get(self.alpha, "Port"), 27050)
        self.assertEqual(self.root.get(self.alpha, "DesiredRevision"), revision + 1)

    def test_a_server_without_a_game_or_with_an_empty_overlay_does_not_start(self):
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {})
        self.root.call(MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", "duel", {"overlays": GLib.Variant("as", ["maps"])}, {})
        self.make_server("beta", blueprint_name="duel")
        self.assertIn("maps", self.refused("NoSuchOverlay", self.verb, "beta", "Start"))
        self.refused("NoSuchOverlay", self.root.call, server("beta"), "GetPlan", "(a{sv})", {})

    def test_restart_starts_what_is_stopped(self):
        self.assertEqual(self.end_of(self.verb("alpha", "Restart"))[0], "done")
        self.assertEqual([c.unit for c in self.systemd.called("RestartUnit")], [UNIT])
        self.assertTrue(self.enabled())

    def test_reset_and_delete_stop_first_and_discard_then(self):
        self.end_of(self.verb("alpha", "Start"))
        requests = []
        self.systemd.on_store = lambda run: (requests.append(json.loads(run.request)), self.helper(run))
        self.assertEqual(self.end_of(self.verb("alpha", "Reset"))[0], "done")
        self.assertEqual(requests, [{"op": "discard", "trees": ["servers/alpha/upper"]}])
        self.assertEqual(self.end_of(self.verb("alpha", "Delete"))[0], "done")
        self.assertEqual(requests[1], {"op": "discard", "trees": ["servers/alpha"]})
        self.refused("NoSuchServer", self.root.call, MANAGER, "GetServer", "(s)", "alpha")
        self.assertEqual(sorted(os.listdir("/etc/userdb")), [])

    def test_what_is_queued_behind_a_delete_fails_by_name(self):
        calls = []
        self.systemd.on["StopUnit"] = calls.append
        delete = self.verb("alpha", "Delete")
        start = self.verb("alpha", "Start")
        wait(lambda: calls, "the stop")
        del self.systemd.on["StopUnit"]
        calls[0].accept()
        self.systemd.finish_stop(calls[0])
        self.assertEqual(self.end_of(delete)[0], "done")
        self.assertEqual(self.end_of(start)[:2], ("failed", ERROR + "NoSuchServer"))

    def test_a_delete_that_cannot_discard_leaves_the_server(self):
        def fail(run):
            run.write(json.dumps({"error": {"name": ERROR + "StoreFailed", "message": "read-only"}}))
            run.end("failed")
        self.systemd.on_store = fail
        self.assertEqual(self.end_of(self.verb("alpha", "Delete")), ("failed", ERROR + "StoreFailed", "read-only"))
        self.assertEqual(self.root.call(MANAGER, "GetServer", "(s)", "alpha"), self.alpha)

    def test_a_set_of_autostart_answers_with_its_end(self):
        self.systemd.on["EnableUnitFiles"] = lambda call: call.refuse(text="read-only /etc")
        message = self.refused(STANDARD + "Failed", self.root.call, self.alpha, "SetAutostart", "(ba{sv})", True, {})
        self.assertIn("read-only /etc", message)
        self.assertEqual(self.root.get(self.alpha, "Autostart"), False)

    def test_what_others_do_with_systemctl_shows(self):
        seen = self.root.subscribe("PropertiesChanged", self.alpha)
        self.systemd.set_state(UNIT, "active")
        wait(lambda: any(s[2][1].get("State") == "running" for s in seen), "State in a signal")
        (WANTS / UNIT).symlink_to("/dev/null")
        self.systemd.emit("UnitFilesChanged", "()")
        wait(lambda: any(s[2][1].get("Autostart") for s in seen), "Autostart in a signal")
        self.systemd.failures[UNIT] = {"ExecMainCode": 2, "ExecMainStatus": 9, "Result": "oom-kill"}
        self.systemd.set_state(UNIT, "failed")
        wait(lambda: any("out of memory" in s[2][1].get("LastError", "") for s in seen), "LastError in a signal")
        self.assertEqual(self.root.get(self.alpha, "State"), "failed")
        self.systemd.unload(UNIT)
        wait(lambda: self.root.get(self.alpha, "State") == "stopped", "the unit's removal")

    def test_signals_tell_a_jobs_life(self):
        seen = self.root.subscribe(path=MANAGER)
        objects = self.root.subscribe("InterfacesAdded")
        job = self.verb("alpha", "Start")
        self.end_of(job)
        wait(lambda: any(s[1] == "JobRemoved" for s in seen), "JobRemoved")
        new = [s[2] for s in seen if s[1] == "JobNew"]
        removed = [s[2] for s in seen if s[1] == "JobRemoved"]
        self.assertEqual([n[1] for n in new], [job])
        self.assertEqual(removed, [(new[0][0], job, "server/alpha", "done")])
        self.assertEqual([s[2][0] for s in objects], [job])


class Waiting(World):
    def setUp(self):
        super().setUp()
        self.make_server()
        self.systemd.on["StopUnit"] = self.hold
        self.held = []
        self.job = self.root.call(server("alpha"), "Stop", "(a{sv})", {})
        wait(lambda: self.held, "the stop")

    def hold(self, call):
        call.accept()
        self.held.append(call)

    def test_early_and_late_callers_hear_of_the_end(self):
        early = self.root.begin(self.job, "Wait", "(ta{sv})", 10**8, {})
        self.assertEqual(self.root.call(self.job, "Wait", "(ta{sv})", 0, {}), ("running", "", ""))
        self.assertFalse(early.done)
        self.held[0].end()
        self.assertEqual(early.result(), ("done", "", ""))
        self.assertEqual(self.root.call(self.job, "Wait", "(ta{sv})", 10**8, {}), ("done", "", ""))

    def test_a_wait_ends_at_its_time_out(self):
        self.assertEqual(self.root.call(self.job, "Wait", "(ta{sv})", 1000, {}), ("running", "", ""))
        self.refused(INVALID, self.root.call, self.job, "Wait", "(ta{sv})", 3600 * 10**6 + 1, {})

    def test_one_caller_that_goes_takes_no_others_wait_along(self):
        first, second = self.caller(0), self.caller(0)
        first.begin(self.job, "Wait", "(ta{sv})", 10**8, {})
        pending = second.begin(self.job, "Wait", "(ta{sv})", 10**8, {})
        self.root.get(self.job, "State")
        first.close()
        self.held[0].end("failed")
        self.assertEqual(pending.result()[:2], ("failed", ERROR + "StartFailed"))

    def test_a_queued_job_is_cancelled_at_once_a_running_stop_is_not(self):
        queued = self.root.call(server("alpha"), "Reset", "(a{sv})", {})
        self.assertEqual(self.root.get(queued, "Cancelable"), True)
        self.root.call(queued, "Cancel", "(a{sv})", {})
        self.assertEqual(self.end_of(queued)[:2], ("cancelled", ERROR + "Cancelled"))
        self.assertEqual(self.root.get(self.job, "Cancelable"), False)
        self.refused(INVALID, self.root.call, self.job, "Cancel", "(a{sv})", {})
        self.held[0].end()
        self.assertEqual(self.end_of(self.job)[0], "done")
        self.root.call(self.job, "Cancel", "(a{sv})", {})
        self.assertEqual(self.state_of(self.job), "done")

    def test_what_jobs_there_are_is_readable_by_all(self):
        user = self.caller(1001)
        shown = user.get_all(self.job)
        self.assertEqual((shown["Kind"], shown["Subject"], shown["State"], shown["StartedBy"]),
                         ("stop", "server/alpha", "running", "unix:0"))
        managed = user.call("/org/left4me", "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
        self.assertIn(self.job, managed)
        self.assertIn(server("alpha"), managed)


class Store(World):
    def setUp(self):
        super().setUp()
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {})
        self.maps = overlay("maps")
        self.runs = []

    def hold(self):
        self.systemd.on_store = self.runs.append

    def begin_import(self):
        job = self.root.call(self.maps, "ImportPath", "(ssa{sv})", "new", "tar", {})
        wait(lambda: self.runs, "the store run")
        return job

    def test_a_run_gets_its_request_and_its_descriptors_and_moves_the_pointer(self):
        self.hold()
        read, write = os.pipe()
        job = self.root.call(self.maps, "Import", "(hsa{sv})", 0, "tar", {}, fds=[read])
        os.close(read)
        wait(lambda: self.runs, "the store run")
        run = self.runs[0]
        request = json.loads(run.request)
        self.assertEqual((request["op"], request["ref"], request["format"], request["source"]),
                         ("import", "overlay/maps/1", "tar", "stdin"))
        self.assertNotIn("parent", request)
        os.write(write, b"data")
        self.assertEqual(os.read(run.input, 10), b"data")
        os.close(write)
        self.assertEqual(self.root.get(self.maps, "State"), "changing")
        commit = self.make_commit()
        run.write(json.dumps({"result": {"commit": commit, "files": 3, "size": 12}}))
        run.end()
        self.assertEqual(self.end_of(job)[0], "done")
        self.assertEqual(self.root.get(self.maps, "Generation"), 1)
        self.assertEqual(self.root.get(self.maps, "Size"), 12)
        number, _, shown = self.root.call(self.maps, "ListGenerations", "(a{sv})", {})[0]
        self.assertEqual((number, shown["commit"], shown["files"], shown["current"]), (1, commit, 3, True))
        self.assertFalse(os.path.exists(run.request_path))

    def test_the_unit_is_the_stores_user_without_network_or_capabilities(self):
        self.hold()
        self.begin_import()
        shown = self.runs[0].properties
        expected = {"User": "left4me", "PrivateNetwork": True, "NoNewPrivileges": True, "CapabilityBoundingSet": 0,
                    "ProtectSystem": "strict", "Type": "exec", "RestrictSUIDSGID": True, "PrivateDevices": True}
        self.assertEqual({k: shown.get(k) for k in expected}, expected)
        self.assertEqual(shown["ReadWritePaths"], ["/var/lib/left4me"])
        self.assertTrue(shown["ExecStart"][0][0].endswith("/left4me-store"))

    def test_progress_shows(self):
        self.hold()
        job = self.begin_import()
        seen = self.root.subscribe("PropertiesChanged", job)
        self.runs[0].write('{"progress": {"done": 25, "total": 100}}')
        wait(lambda: any(s[2][1].get("BytesDone") == 25 for s in seen), "progress")
        shown = self.root.get_all(job)
        self.assertEqual((shown["Progress"], shown["ProgressValid"], shown["BytesTotal"]), (0.25, True, 100))

    def test_an_error_of_the_helper_is_the_jobs(self):
        self.hold()
        job = self.begin_import()
        self.runs[0].write(json.dumps({"error": {"name": ERROR + "InvalidContent", "message": "a/b: device"}}))
        self.runs[0].end("failed")
        self.assertEqual(self.end_of(job), ("failed", ERROR + "InvalidContent", "a/b: device"))
        self.assertEqual(self.root.get(self.maps, "Generation"), 0)
        self.assertEqual(self.root.get(self.maps, "State"), "empty")

    def test_a_helper_that_is_killed_or_mad_fails_the_job(self):
        for lines in ((), ("not json",), ('{"result": {"commit": 7}}',), ('{"error": 1}',), ('{"result": {}}',)):
            with self.subTest(lines):
                self.runs.clear()
                self.hold()
                job = self.begin_import()
                for line in lines:
                    self.runs[0].write(line)
                self.runs[0].end("failed")
                self.assertEqual(self.end_of(job)[:2], ("failed", ERROR + "StoreFailed"))
                self.assertEqual(self.root.get(self.maps, "Generation"), 0)

    def test_a_run_that_is_over_before_systemds_job_is_taken_all_the_same(self):
        def start(call):
            run = systemd1.StoreRun(call)
            call.accept()
            self.systemd.set_state(call.unit, "active")
            run.write(json.dumps({"result": self.work(json.loads(run.request))}))
            os.close(run.output)
            self.systemd.set_state(call.unit, "inactive")
            call.end()
            self.systemd.unload(call.unit)
        self.systemd.on["StartTransientUnit"] = start
        job = self.root.call(self.maps, "ImportPath", "(ssa{sv})", "new", "tar", {})
        self.assertEqual(self.end_of(job)[0], "done")

    def test_a_unit_that_systemd_refuses_fails_the_job(self):
        self.systemd.on["StartTransientUnit"] = lambda call: call.refuse(text="Unknown property")
        job = self.root.call(self.maps, "ImportPath", "(ssa{sv})", "new", "tar", {})
        result, error, message = self.end_of(job)
        self.assertEqual((result, error), ("failed", ERROR + "StoreFailed"))
        self.assertIn("Unknown property", message)
        del self.systemd.on["StartTransientUnit"]
        self.assertEqual(self.end_of(self.root.call(MANAGER, "VerifyStore", "(a{sv})", {}))[0], "done")

    def test_a_unit_that_systemd_never_answers_for_holds_up_nobody_but_the_store(self):
        held = []
        self.systemd.on["StartTransientUnit"] = held.append
        job = self.root.call(self.maps, "ImportPath", "(ssa{sv})", "new", "tar", {})
        wait(lambda: held, "the store run")
        self.make_server()
        self.assert_quick()
        self.assertEqual(self.end_of(self.root.call(server("alpha"), "Stop", "(a{sv})", {}))[0], "done")
        self.assertEqual(self.state_of(job), "running")
        self.root.call(job, "Cancel", "(a{sv})", {})
        held[0].refuse()
        self.assertIn(self.end_of(job)[0], ("cancelled", "failed"))

    def test_a_prune_waits_for_others(self):
        self.hold()
        first = self.begin_import()
        second = self.root.call(MANAGER, "PruneStore", "(a{sv})", {})
        wait(lambda: self.state_of(second) == "running", "the second job")
        self.assert_quick()
        self.assertEqual(len(self.runs), 1)
        self.helper(self.runs[0])
        wait(lambda: len(self.runs) == 2, "the second run")
        self.helper(self.runs[1])
        self.assertEqual([self.end_of(first)[0], self.end_of(second)[0]], ["done", "done"])

    def test_cancel_stops_the_unit(self):
        self.hold()
        job = self.begin_import()
        waiting = self.root.call(MANAGER, "PruneStore", "(a{sv})", {})
        self.root.call(job, "Cancel", "(a{sv})", {})
        self.assertEqual(self.end_of(job)[:2], ("cancelled", ERROR + "Cancelled"))
        self.assertEqual([c.unit for c in self.systemd.called("StopUnit")], [self.runs[0].unit])
        wait(lambda: len(self.runs) == 2, "the second run")
        self.helper(self.runs[1])
        self.assertEqual(self.end_of(waiting)[0], "done")

    def test_a_run_that_waits_is_cancelled_without_being_started(self):
        self.hold()
        self.begin_import()
        waiting = self.root.call(MANAGER, "PruneStore", "(a{sv})", {})
        wait(lambda: self.state_of(waiting) == "running", "the second job")
        self.root.call(waiting, "Cancel", "(a{sv})", {})
        self.assertEqual(self.end_of(waiting)[0], "cancelled")
        self.assertEqual(len(self.runs), 1)

    def user(self, uid):
        """An operator with two overlays of his own."""
        caller = self.caller(uid)
        caller.overlays = [f"of-{uid}-{number}" for number in range(3)]
        for name in caller.overlays:
            caller.call(MANAGER, "CreateOverlay", "(ssa{sv})", name, "files", {})
        return caller

    def import_of(self, caller, number):
        return caller.call(overlay(caller.overlays[number]), "ImportPath", "(ssa{sv})", "new", "tar", {})

    def ops(self):
        return [json.loads(run.request)["op"] for run in self.runs]

    def test_runs_go_side_by_side_and_nobody_has_the_store_for_himself(self):
        self.hold()
        self.polkit.decide = lambda check: "yes"
        one, two = self.user(1001), self.user(1002)
        jobs = [self.import_of(one, number) for number in range(3)]
        wait(lambda: len(self.runs) == 2, "two runs of the first")
        jobs += [self.import_of(two, number) for number in range(2)]
        wait(lambda: len(self.runs) == 3, "one of the second: one place is for those that no client holds up")
        jobs.append(self.root.call(MANAGER, "VerifyStore", "(a{sv})", {}))
        wait(lambda: len(self.runs) == 4, "that one")
        self.assertEqual([json.loads(run.request).get("ref") for run in self.runs],
                         ["overlay/of-1001-0/1", "overlay/of-1001-1/1", "overlay/of-1002-0/1", None])
        edit = self.root.begin(self.maps, "WriteFile", "(saya{sv})", "cfg/a", b"text", {})
        wait(lambda: self.root.get(MANAGER, "NJobs") == 7, "the edit")
        self.assert_quick()
        self.assertEqual(len(self.runs), 4)
        for run in self.runs[:]:
            self.helper(run)
        wait(lambda: len(self.runs) == 7, "the others")
        for run in self.runs[4:]:
            self.helper(run)
        self.assertEqual([self.end_of(job)[0] for job in jobs], ["done"] * 6)
        edit.result()

    def test_a_prune_is_alone_and_holds_up_nobody_before_its_turn(self):
        self.hold()
        first = self.begin_import()
        prune = self.root.call(MANAGER, "PruneStore", "(a{sv})", {})
        wait(lambda: self.state_of(prune) == "running", "the prune's job")
        pending = self.root.begin(INSTALLATION, "ImportDirectory", "(sa{sv})", "/srv/game", {})
        wait(lambda: len(self.runs) == 2, "what came after the prune")
        self.helper(self.runs[0])
        self.assertEqual(self.end_of(first)[0], "done")
        self.assert_quick()
        self.assertEqual(self.ops(), ["import", "import"])
        self.helper(self.runs[1])
        wait(lambda: len(self.runs) == 3, "the prune")
        self.assertEqual(self.end_of(pending.result())[0], "done")
        kept = [keep["ref"] for keep in json.loads(self.runs[2].request)["keep"]]
        self.assertEqual(sorted(kept), ["installation/1", "overlay/maps/1"])
        later = self.begin_import()
        wait(lambda: self.state_of(later) == "running", "the later import's job")
        self.assert_quick()
        self.assertEqual(len(self.runs), 3)
        self.helper(self.runs[2])
        wait(lambda: len(self.runs) == 4, "the later import")
        self.helper(self.runs[3])
        self.assertEqual([self.end_of(prune)[0], self.end_of(later)[0]], ["done", "done"])

    def test_a_write_answers_when_its_generation_is_current(self):
        self.hold()
        pending = self.root.begin(self.maps, "WriteFile", "(saya{sv})", "cfg/a", b"text", {})
        wait(lambda: self.runs, "the store run")
        self.assertFalse(pending.done)
        self.assertEqual(json.loads(self.runs[0].request)["changes"], [{"verb": "write", "path": "cfg/a", "size": 4}])
        self.assertEqual(os.read(self.runs[0].input, 10), b"text")
        self.helper(self.runs[0])
        pending.result()
        self.assertEqual(self.root.get(self.maps, "Generation"), 1)

    def test_a_caller_that_goes_does_not_stop_its_write(self):
        self.hold()
        other = self.caller(0)
        other.begin(self.maps, "WriteFile", "(saya{sv})", "cfg/a", b"text", {})
        wait(lambda: self.runs, "the store run")
        other.close()
        self.helper(self.runs[0])
        wait(lambda: self.root.get(self.maps, "Generation") == 1, "the generation")

    def test_rollback_and_the_oldest_generations_go(self):
        for _ in range(4):
            self.end_of(self.root.call(self.maps, "ImportPath", "(ssa{sv})", "new", "tar", {}))
        kept = [g[0] for g in self.root.call(self.maps, "ListGenerations", "(a{sv})", {})]
        self.assertEqual(kept, sorted(kept))
        self.assertEqual(kept[-1], 4)
        self.assertEqual(self.end_of(self.root.call(self.maps, "Rollback", "(ua{sv})", kept[0], {}))[0], "done")
        self.assertEqual(self.root.get(self.maps, "Generation"), kept[0])
        self.refused("NoSuchGeneration", self.root.call, self.maps, "Rollback", "(ua{sv})", 99, {})

    def test_an_overlay_that_changes_is_not_deleted(self):
        self.hold()
        self.begin_import()
        self.refused("Busy", self.root.call, self.maps, "Delete", "(a{sv})", {})

    def test_an_import_of_a_host_directory_is_bound_into_the_unit(self):
        self.hold()
        self.root.call(INSTALLATION, "ImportDirectory", "(sa{sv})", "/srv/game", {})
        wait(lambda: self.runs, "the store run")
        binds = self.runs[0].properties["BindReadOnlyPaths"]
        self.assertEqual([b[:2] for b in binds], [("/srv/game", "/run/left4me-import")])
        self.assertEqual(json.loads(self.runs[0].request)["source"], "bind")


if __name__ == "__main__":
    main()

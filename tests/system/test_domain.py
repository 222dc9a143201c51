"""The rules of the domain, with several callers at once: each race has one defined outcome."""
import os
import pathlib
import socket

import left4me
from left4me import BusError, Caller, SystemTest, rcon, run, run_as, server_unit, unit_property

SPEC = """port: 27031
overlays: [base]
arguments: [+map, attic]
config:
  - hostname from-spec
"""


class Domain(SystemTest):
    def setUp(self):
        super().setUp()
        self.alice.make_overlay("base", {"left4dead2/maps/attic.bsp": "VBSP attic"})
        self.alice.make_blueprint("bp", ["base"], ["+map", "attic"])

    def make(self, name="one", **options):
        return self.alice.make_server(name, "bp", **options)

    def begin(self, caller, name, method):
        caller.send(self.root.server(name), "org.left4me.Server", method, "a{sv}", {})

    def second(self, user="alice"):
        caller = Caller(user)
        self.addCleanup(caller.close)
        return caller

    # Two at once

    def test_two_starts_at_once_are_one_job(self):
        self.make()
        other = self.second()
        self.begin(self.alice, "one", "Start")
        self.begin(other, "one", "Start")
        first, second = self.alice.receive(), other.receive()
        self.assertEqual(first, second)
        self.alice.wait(first)
        self.assert_answers("one")
        self.assertEqual(len(left4me.mounts("one")) > 0, True)

    def test_starts_of_different_servers_run_side_by_side(self):
        names = [f"n{i}" for i in range(4)]
        callers = [self.second() for _ in names]
        for name in names:
            self.make(name)
        for caller, name in zip(callers, names):
            self.begin(caller, name, "Start")
        jobs = [caller.receive() for caller in callers]
        self.assertEqual(len(set(jobs)), len(jobs))
        for job in jobs:
            self.alice.wait(job)
        for name in names:
            self.assert_answers(name)

    def test_a_start_during_a_delete_finds_no_server(self):
        self.make()
        self.alice.start("one")
        other = self.second()
        path = self.root.server("one")
        self.alice.send(path, "org.left4me.Server", "Delete", "a{sv}", {})
        job = self.alice.receive()
        other.send(path, "org.left4me.Server", "Start", "a{sv}", {})
        try:
            other.wait(other.receive())
            self.fail("a server that is being deleted was started")
        except BusError as error:
            # The start's turn came after the delete; UnknownObject where even the call came after it.
            self.assertIn(error.short, {"NoSuchServer", "UnknownObject"})
        self.alice.wait(job)
        self.assert_down("one")
        self.refused("NoSuchServer", self.alice.server, "one")

    def test_a_delete_during_a_start_wins(self):
        self.make()
        other = self.second()
        path = self.root.server("one")
        start = self.alice.call(path, "org.left4me.Server", "Start", "a{sv}", {})
        delete = other.call(path, "org.left4me.Server", "Delete", "a{sv}", {})
        self.alice.wait(start)  # operations of one server take turns: the start was first, and is done
        other.wait(delete)
        self.assert_down("one")
        self.refused("NoSuchServer", self.alice.server, "one")

    def test_a_stop_during_a_start_ends_stopped(self):
        self.make()
        other = self.second()
        path = self.root.server("one")
        start = self.alice.call(path, "org.left4me.Server", "Start", "a{sv}", {})
        stop = other.call(path, "org.left4me.Server", "Stop", "a{sv}", {})
        self.alice.wait(start)
        other.wait(stop)
        self.assert_down("one")

    def test_a_blueprint_change_during_a_start_is_in_it_or_is_drift(self):
        self.make()
        other = self.second()
        start = self.alice.call(self.root.server("one"), "org.left4me.Server", "Start", "a{sv}", {})
        other.call(self.root.blueprint("bp"), "org.left4me.Blueprint", "Update", "a{sv}a{sv}",
                   {"config": ["as", ["sv_tags changed"]]}, {})
        self.alice.wait(start)
        self.assert_answers("one")
        changed = '"sv_tags" = "changed"' in rcon("one", "sv_tags", self.root)
        drift = self.alice.property("one", "RunningRevision") != self.alice.property("one", "DesiredRevision")
        self.assertNotEqual(changed, drift)

    # Protection

    def test_what_is_used_cannot_be_deleted_and_the_message_says_by_what(self):
        self.make()
        error = self.refused("InUse", self.alice.call, self.root.blueprint("bp"), "org.left4me.Blueprint", "Delete",
                             "a{sv}", {})
        self.assertIn("one", error.message)
        error = self.refused("InUse", self.alice.call, self.root.overlay("base"), "org.left4me.Overlay", "Delete",
                             "a{sv}", {})
        self.assertIn("bp", error.message)
        self.assertEqual(self.alice.get(self.root.overlay("base"), "Overlay", "UsedBy"), ["bp"])
        self.assertEqual(self.alice.get(self.root.blueprint("bp"), "Blueprint", "UsedBy"), ["one"])

    def test_another_operators_blueprint_is_not_mine_to_use_or_change(self):
        self.refused(left4me.DENIED, self.bob.call, self.root.blueprint("bp"), "org.left4me.Blueprint", "Update",
                     "a{sv}a{sv}", {"config": ["as", []]}, {})
        self.assertEqual(self.alice.get(self.root.blueprint("bp"), "Blueprint", "Owner"), f"unix:{self.alice.uid}")

    def test_a_stale_revision_is_refused(self):
        path = self.root.blueprint("bp")
        revision = self.alice.get(path, "Blueprint", "Revision")
        update = ("org.left4me.Blueprint", "Update", "a{sv}a{sv}", {"config": ["as", []]})
        self.alice.call(path, *update, {"if-revision": ["u", revision]})
        self.refused("RevisionConflict", self.alice.call, path, *update, {"if-revision": ["u", revision]})

    def test_a_request_id_is_done_once(self):
        self.make()
        path = self.root.server("one")
        options = {"request-id": ["s", "click-1"]}
        first = self.alice.call(path, "org.left4me.Server", "Start", "a{sv}", options)
        self.alice.wait(first)
        self.alice.stop("one")
        self.assertEqual(self.alice.call(path, "org.left4me.Server", "Start", "a{sv}", options), first)
        self.assertEqual(self.alice.property("one", "State"), "stopped")

    def test_an_unknown_option_is_refused(self):
        self.make()
        self.refused("InvalidArgs", self.alice.call, self.root.server("one"), "org.left4me.Server", "Start", "a{sv}",
                     {"onlynow": ["b", True]})

    # Ports

    def test_a_port_that_anybody_has_is_not_given(self):
        self.make("one", port=["q", 27015])
        self.refused("PortInUse", self.make, "two", port=["q", 27015])
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(socket.AF_INET, kind) as taken:
                taken.bind(("0.0.0.0", 27016))
                if kind == socket.SOCK_STREAM:
                    taken.listen()
                self.make("two")
                self.assertEqual(self.alice.property("two", "Port"), 27017)
                self.alice.delete_server("two")
                self.refused("PortInUse", self.make, "three", port=["q", 27016])
        self.make("two")
        self.assertEqual(self.alice.property("two", "Port"), 27016)

    def test_a_changed_port_is_used_by_the_next_start(self):
        self.make("one", port=["q", 27015])
        self.alice.call(self.root.server("one"), "org.left4me.Server", "SetPort", "qa{sv}", 27055, {})
        self.alice.start("one")
        self.assertEqual(self.alice.property("one", "Port"), 27055)
        self.assert_answers("one")

    # Specifications

    def test_a_spec_makes_a_server_with_a_blueprint_of_its_own(self):
        pathlib.Path("/tmp/spec.yaml").write_text(SPEC)
        run_as("alice", ["left4mectl", "initialize", "spec", "-f", "/tmp/spec.yaml"])
        self.assertEqual(self.alice.property("spec", "Port"), 27031)
        self.alice.start("spec")
        self.assert_answers("spec", map="attic", name="from-spec")
        self.alice.delete_server("spec")
        self.refused("NoSuchBlueprint", self.alice.blueprint, "spec")

    def test_a_bad_spec_is_refused_with_its_position_and_changes_nothing(self):
        bad = {"unknown": SPEC + "motd: hi\n", "type": SPEC.replace("27031", "many"), "duplicate": SPEC + "port: 1\n",
               "alias": "port: &p 27031\nconfig: [*p]\n", "missing": "overlays: []\n", "not yaml": "port: [\n",
               "escape": 'port: 27031\narguments: ["+exec", "a;b"]\n'}
        for what, text in bad.items():
            with self.subTest(what):
                error = self.refused("InvalidSpec", self.alice.manager, "ApplySpec", "ssa{sv}", "spec", text, {})
                self.assertRegex(error.message, r"line \d+, column \d+")
                self.refused("NoSuchServer", self.alice.server, "spec")
        self.refused("NoSuchOverlay", self.alice.manager, "ApplySpec", "ssa{sv}", "spec",
                     "port: 27031\noverlays: [nothere]\n", {})

    def test_hostile_names_are_refused_everywhere(self):
        for name in ("", "-x", "A", "a/b", "..", "a b", "ä", "x" * 33, "a\n", "a;b", "%i", "a@b"):
            with self.subTest(name=name):
                self.refused("InvalidName", self.alice.make_server, name, "bp")
                self.refused("InvalidName", self.alice.make_blueprint, name)
                self.refused("InvalidName", self.alice.make_overlay, name, {})

    # Boot

    def test_start_enables_and_stop_disables_unless_only_now(self):
        self.make()
        link = pathlib.Path("/etc/systemd/system/multi-user.target.wants") / server_unit("one")
        self.alice.start("one")
        self.assertTrue(link.is_symlink())
        self.alice.verb("one", "Stop", {"only-now": ["b", True]})
        self.assertTrue(self.alice.property("one", "Autostart"))
        self.assertTrue(link.is_symlink())
        self.alice.start("one")
        self.alice.stop("one")
        self.assertFalse(link.is_symlink())
        self.assertFalse(self.alice.property("one", "Autostart"))
        self.alice.verb("one", "Start", {"only-now": ["b", True]})
        self.assertFalse(self.alice.property("one", "Autostart"))
        self.assertEqual(unit_property(server_unit("one"), "ActiveState"), "active")

    def test_autostart_alone_neither_starts_nor_stops(self):
        self.make()
        self.alice.call(self.root.server("one"), "org.left4me.Server", "SetAutostart", "ba{sv}", True, {})
        self.assertEqual(run(["systemctl", "is-enabled", server_unit("one")]).stdout.strip(), "enabled")
        self.assertEqual(self.alice.property("one", "State"), "stopped")

    # Content

    def test_a_rollback_brings_the_old_content_back(self):
        self.make()
        overlay = self.root.overlay("base")
        self.alice.edit(overlay, {"left4dead2/v.txt": "two"})
        number = self.alice.get(overlay, "Overlay", "Generation")
        self.alice.edit(overlay, {"left4dead2/v.txt": "three"})
        job = self.alice.call(overlay, "org.left4me.Overlay", "Rollback", "ua{sv}", number, {})
        self.alice.wait(job)
        self.alice.start("one")
        self.assert_answers("one")
        self.assertEqual(rcon("one", "standin_cat left4dead2/v.txt", self.root), "two")

    def test_an_import_that_holds_what_it_may_not_is_refused_by_name(self):
        spool = pathlib.Path("/var/lib/left4me/spool")
        bad = spool / "bad"
        run(["rm", "-rf", str(bad)])
        (bad / "sub").mkdir(parents=True)
        self.addCleanup(run, ["rm", "-rf", str(bad)])
        cases = {"pipe": lambda p: os.mkfifo(p), "out": lambda p: p.symlink_to("../../etc/passwd"),
                 "absolute": lambda p: p.symlink_to("/etc/passwd"),
                 "device": lambda p: os.mknod(p, 0o20644, os.makedev(1, 3)),
                 "setuid": lambda p: (p.write_text("x"), p.chmod(0o4755))}
        overlay = self.root.overlay("base")
        before = self.alice.get(overlay, "Overlay", "Generation")
        for what, make in cases.items():
            with self.subTest(what):
                entry = bad / "sub" / what
                make(entry)
                run(["chown", "-Rh", "left4me:left4me", str(bad)])
                if what == "setuid":
                    entry.chmod(0o4755)
                job = self.alice.call(overlay, "org.left4me.Overlay", "ImportPath", "ssa{sv}", "bad", "directory", {})
                with self.assertRaises(left4me.JobError) as caught:
                    self.alice.wait(job)
                self.assertEqual(caught.exception.short, "InvalidContent")
                self.assertIn(f"sub/{what}", caught.exception.message)
                entry.unlink()
        self.assertEqual(self.alice.get(overlay, "Overlay", "Generation"), before)

    def test_an_import_of_a_directory_that_is_not_there_changes_nothing(self):
        before = self.root.get(left4me.INSTALLATION, "Installation", "Generation")
        with self.assertRaises(left4me.BusError) as caught:
            self.root.import_game("/srv/nothing")
        self.assertEqual(caught.exception.short, "FileNotFound")
        self.assertEqual(self.root.get(left4me.INSTALLATION, "Installation", "Generation"), before)

    def test_a_plan_says_what_the_next_start_would_use_and_does_nothing(self):
        self.make()
        plan = self.alice.call(self.root.server("one"), "org.left4me.Server", "GetPlan", "a{sv}", {})
        self.assertEqual([(kind, name) for kind, name, _ in plan["layers"]][-2:],
                         [("overlay", "base"), ("installation", plan["layers"][-1][1])])
        self.assertEqual(plan["argv"][-2:], ["+map", "attic"])
        self.assert_down("one")

    def test_list_and_status_of_the_command_agree_with_the_bus(self):
        self.make()
        self.alice.start("one")
        status = run_as("mallory", ["left4mectl", "status", "one", "--json=short"]).stdout
        self.assertIn('"running"', status)
        self.assertEqual(run_as("alice", ["left4mectl", "stop", "one"]).returncode, 0)
        self.assertEqual(run_as("alice", ["left4mectl", "delete", "--yes", "nothere"], check=False).returncode, 0)
        self.assertEqual(run_as("alice", ["left4mectl", "start", "nothere"], check=False).returncode, 4)
        self.assertEqual(run_as("mallory", ["left4mectl", "--no-ask-password", "start", "one"],
                                check=False).returncode, 77)
        self.assertEqual(run_as("alice", ["left4mectl", "strat", "one"], check=False).returncode, 2)

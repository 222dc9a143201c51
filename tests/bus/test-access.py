#!/usr/bin/python3
"""Who may do what: polkit's answers and its failures, limits, and what a call may touch before there is an answer."""
import os
import pathlib
import subprocess
import tempfile
import xml.etree.ElementTree

from gi.repository import GLib

from world import (BusError, DENIED, INSTALLATION, INVALID, MANAGER, ROOT, RUN, STANDARD, STATE, World, blueprint, main, options,
                   overlay, server, wait)

USER, OTHER = 1001, 1002

# Methods that nobody needs a right for; Job's are asked for other people's jobs only, which the sweep does.
UNGATED = {"Manager.GetServer", "Manager.GetBlueprint", "Manager.GetOverlay", "Manager.CanI", "Manager.ListPorts"}

# Arguments that get past every check of syntax, by name; by type where the name says nothing.
ARGUMENTS = {"name": "fresh", "blueprint": "coop", "yaml": "port: 27030\n", "type": "files", "format": "tar",
             "path": "file", "port": 27031, "actions": ["install"], "changes": [("write", "file", b"text")],
             "object": ROOT + "/server/alpha", "generation": 1, "cursor": ""}
BY_TYPE = {"s": "text", "u": 1, "t": 0, "q": 1, "b": True, "o": "/", "as": [], "ay": b"text", "a{sv}": {}, "h": 0}


def input_arguments(method):
    found = [a for a in method.findall("arg") if a.get("direction") == "in"]
    values = []
    for argument in found:
        name = argument.get("name")
        value = ARGUMENTS.get(name, BY_TYPE.get(argument.get("type")))
        values.append("/srv/game" if method.get("name") == "ImportDirectory" and name == "path" else value)
    return "(" + "".join(a.get("type") for a in found) + ")", values


class Polkit(World):
    def setUp(self):
        super().setUp()
        self.make_server()
        self.user = self.caller(USER)

    def stop(self, caller=None, **keywords):
        return (caller or self.user).begin(server("alpha"), "Stop", "(a{sv})", {}, **keywords)

    def test_polkit_that_hangs_blocks_neither_calls_nor_signals_nor_the_watchdog(self):
        self.kill()
        self.start(watchdog=300000)
        self.polkit.decide = lambda check: None
        pending = self.stop()
        self.wait_check()
        self.assert_quick()
        self.assert_quick(self.user)
        seen = self.user.subscribe("PropertiesChanged", server("alpha"))
        self.root.call(server("alpha"), "SetPort", "(qa{sv})", 27020, {})
        wait(lambda: seen, "a signal")
        pings = self.manager.notified.count("WATCHDOG=1")
        wait(lambda: self.manager.notified.count("WATCHDOG=1") >= pings + 2, "two more pings of the watchdog")
        self.assertFalse(pending.done)
        self.polkit.checks[0].answer("yes")
        self.assertIn("/job/", pending.result())

    def test_a_caller_that_vanishes_cancels_its_check_and_gives_its_place_back(self):
        self.polkit.decide = lambda check: None
        second = self.caller(USER)
        for _ in range(8):
            self.stop()
        self.wait_check(8)
        self.refused("LimitReached", second.call, server("alpha"), "Stop", "(a{sv})", {})
        self.user.close()
        wait(lambda: all(c.cancelled for c in self.polkit.checks), "CancelCheckAuthorization for all eight")
        self.polkit.decide = lambda check: "yes"
        self.assertIn("/job/", second.call(server("alpha"), "Stop", "(a{sv})", {}))

    def test_the_subject_is_the_callers_bus_name_and_details_say_what_it_is_about(self):
        self.polkit.decide = lambda check: "yes"
        self.stop().result()
        check = self.wait_check()
        self.assertEqual((check.kind, check.subject, check.action),
                         ("system-bus-name", self.user.name, "server-control"))
        self.assertEqual(check.details, {"method": "Stop", "object": server("alpha"), "owner": "unix:0",
                                         "principal": f"unix:{USER}", "role": "other"})
        self.user.call(MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", "mine", {}, {})
        self.user.call(blueprint("mine"), "GetDefinition", "(a{sv})", {})
        check = self.wait_check(3)
        self.assertEqual((check.details["owner"], check.details["role"]), (f"unix:{USER}", "owner"))

    def test_no_and_error_and_no_polkit_at_all_are_denied_to_all_but_root(self):
        for word in ("no", "error"):
            self.polkit.decide = lambda check, word=word: word
            self.refused(DENIED, self.stop().result)
        self.polkit.close()
        self.refused(DENIED, self.stop().result)
        self.assertEqual(self.end_of(self.root.call(server("alpha"), "Stop", "(a{sv})", {}))[0], "done")

    def test_polkit_that_dies_while_it_is_asked_is_a_no(self):
        self.polkit.decide = lambda check: None
        pending = self.stop()
        self.wait_check()
        self.polkit.close()
        self.refused(DENIED, pending.result)

    def test_polkit_that_comes_later_is_asked(self):
        self.restart()
        self.polkit.close()
        self.refused(DENIED, self.stop().result)
        self.polkit.open()
        self.polkit.decide = lambda check: "yes"
        self.assertIn("/job/", self.stop().result())

    def test_root_passes_without_a_question(self):
        self.polkit.decide = lambda check: self.fail("polkit was asked about root")
        self.assertEqual(self.end_of(self.root.call(server("alpha"), "Stop", "(a{sv})", {}))[0], "done")
        self.assertEqual(self.polkit.checks, [])

    def test_a_dialogue_is_allowed_only_where_the_caller_allows_it(self):
        self.polkit.decide = lambda check: "yes" if check.interactive else "challenge"
        self.refused(STANDARD + "InteractiveAuthorizationRequired", self.stop().result)
        self.assertIn("/job/", self.stop(interactive=True).result())

    def test_a_grant_for_a_blueprint_does_not_hold_for_another_owners_of_that_name(self):
        self.polkit.decide = lambda check: "yes" if check.details["object"] == "/" else None
        self.root.call(MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", "duel", {}, {})
        pending = self.user.begin(MANAGER, "CreateServer", "(ssa{sv})", "beta", "duel", {})
        about = self.wait_check(2)
        self.assertEqual((about.action, about.details["owner"]), ("content-manage", "unix:0"))
        self.root.call(blueprint("duel"), "Delete", "(a{sv})", {})
        other = self.caller(OTHER)
        other.call(MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", "duel", {}, {})
        about.answer("yes")
        again = self.wait_check(4)
        self.assertEqual(again.details["owner"], f"unix:{OTHER}")
        again.answer("no")
        self.refused(DENIED, pending.result)
        self.refused("NoSuchServer", self.root.call, MANAGER, "GetServer", "(s)", "beta")

    def test_a_grant_for_an_overlay_does_not_hold_for_the_global_one_that_took_its_name(self):
        self.polkit.decide = lambda check: None
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {})
        pending = self.user.begin(overlay("maps"), "ListGenerations", "(a{sv})", {})
        self.assertEqual(self.wait_check().action, "content-manage")
        # Both before the manager can look at anything else.
        self.root.begin(overlay("maps"), "Delete", "(a{sv})", {})
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", options(**{"global": ("b", True)}))
        wait(lambda: pending.done or len(self.polkit.checks) > 1, "an end or a new question")
        if not pending.done:
            again = self.wait_check(2)
            self.assertEqual(again.action, "script-edit")
            again.answer("no")
        with self.assertRaises(BusError) as caught:
            pending.result()
        self.assertIn(caught.exception.name, (DENIED, STANDARD + "UnknownObject"))

    def test_an_object_that_goes_while_polkit_thinks_ends_its_calls_and_frees_their_places(self):
        self.polkit.decide = lambda check: None
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {})
        pending = [self.user.begin(overlay("maps"), "ListGenerations", "(a{sv})", {}) for _ in range(8)]
        self.wait_check(8)
        self.root.call(overlay("maps"), "Delete", "(a{sv})", {})
        for check in self.polkit.checks:
            if check.invocation:
                check.answer("yes")
        for call in pending:
            self.refused(STANDARD + "UnknownObject", call.result)
        self.polkit.decide = lambda check: "yes"
        self.assertIn("/job/", self.stop().result())

    def test_eight_calls_a_user_and_sixty_four_in_all(self):
        self.polkit.decide = lambda check: None
        callers = [self.caller(USER + i) for i in range(9)]
        calls = [[self.stop(caller) for _ in range(8)] for caller in callers[:8]]
        self.wait_check(64)
        def ask(caller):
            return caller.call(MANAGER, "CanI", "(aso)", [], "/")
        self.assertIn("8 calls", self.refused("LimitReached", ask, callers[0]))
        self.assertIn("64 calls", self.refused("LimitReached", ask, callers[8]))
        # What asks nobody and waits for nothing is answered all the same.
        self.assert_quick(callers[0])
        self.assertEqual(callers[0].call(MANAGER, "GetServer", "(s)", "alpha"), server("alpha"))
        self.refused("NotInstalled", self.root.call, ROOT + "/internal", "GetMountPlan", "(s)", "alpha")
        for check in self.polkit.checks:
            if check.subject == callers[0].name:
                check.answer("no")
        wait(lambda: all(call.done for call in calls[0]), "the end of the first caller's calls")
        self.assertEqual([ask(callers[8]), ask(callers[0])], [{}, {}])
        self.refused("LimitReached", ask, callers[1])

    def test_long_polls_are_counted_apart(self):
        self.systemd.on["StopUnit"] = lambda call: None
        self.polkit.decide = lambda check: "yes"
        job = self.stop().result()
        waits = [self.user.begin(job, "Wait", "(ta{sv})", 10**8, {}) for _ in range(32)]
        self.assertIn("32 calls", self.refused("LimitReached", self.user.call, job, "Wait", "(ta{sv})", 10**8, {}))
        self.assertEqual(self.user.call(MANAGER, "GetServer", "(s)", "alpha"), server("alpha"))
        self.assertFalse(any(w.done for w in waits))

    def test_own_jobs_take_no_right_others_do(self):
        self.systemd.on["StopUnit"] = lambda call: None
        self.polkit.decide = lambda check: "yes" if check.details["method"] == "Stop" else "no"
        first = self.stop().result()
        self.assertEqual(self.user.call(first, "Wait", "(ta{sv})", 0, {}), ("running", "", ""))
        other = self.caller(OTHER)
        self.refused(DENIED, other.call, first, "Wait", "(ta{sv})", 0, {})
        self.assertEqual(self.polkit.checks[-1].action, "read-logs")
        self.refused(DENIED, other.call, first, "Cancel", "(a{sv})", {})
        self.assertEqual(self.polkit.checks[-1].action, "server-manage")

    def test_can_i_answers_each_action_without_a_dialogue(self):
        words = {"server-control": "yes", "install": "no", "content-manage": "challenge"}
        self.polkit.decide = lambda check: words[check.action]
        asked = self.user.call(MANAGER, "CanI", "(aso)", list(words), server("alpha"), interactive=True)
        self.assertEqual(asked, words)
        self.assertFalse(any(c.interactive for c in self.polkit.checks))
        self.assertEqual({c.details["object"] for c in self.polkit.checks}, {server("alpha")})
        self.assertEqual(self.root.call(MANAGER, "CanI", "(aso)", ["install"], "/"), {"install": "yes"})
        self.assertEqual(self.user.call(MANAGER, "CanI", "(aso)", [], "/"), {})
        self.assertIn("no-such-thing", self.refused(INVALID, self.user.call, MANAGER, "CanI", "(aso)",
                                                    ["no-such-thing"], "/"))
        self.refused(INVALID, self.user.call, MANAGER, "CanI", "(aso)", ["install"] * 33, "/")

    def test_the_internal_interface_is_roots(self):
        self.install()
        plan = self.root.call(ROOT + "/internal", "GetMountPlan", "(s)", "alpha")
        self.assertEqual(plan[0], 1880000000)
        self.polkit.decide = lambda check: "yes"
        self.refused(DENIED, self.user.call, ROOT + "/internal", "GetMountPlan", "(s)", "alpha")
        self.assertEqual(self.polkit.checks, [])


class Sweep(World):
    """Every method of every interface, as the manager itself lists them, by a caller whom polkit refuses."""

    start_manager = False

    def setUp(self):
        super().setUp()
        folder = tempfile.mkdtemp(dir="/run")
        self.trace = pathlib.Path(folder, "trace")
        self.start(prefix=["strace", "-D", "-f", "-y", "-e", "trace=%file,openat2", "-o", str(self.trace)],
                   env={"ASAN_OPTIONS": "detect_leaks=0"})
        self.user = self.caller(USER)
        self.make_server()
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {})
        self.end_of(self.root.call(overlay("maps"), "ImportPath", "(ssa{sv})", "new", "tar", {}))
        self.systemd.on["StopUnit"] = lambda call: None
        self.job = self.root.call(server("alpha"), "Stop", "(a{sv})", {})
        wait(lambda: self.systemd.called("StopUnit"), "the stop")

    def methods(self):
        objects = {"Manager": MANAGER, "Server": server("alpha"), "Blueprint": blueprint("coop"),
                   "Overlay": overlay("maps"), "Installation": INSTALLATION, "Job": self.job}
        listed = subprocess.run([self.program, "--introspect"], check=True, capture_output=True, text=True).stdout
        for interface in listed.split():
            shown = subprocess.run([self.program, "--introspect=" + interface], check=True, capture_output=True,
                                   text=True).stdout
            for node in xml.etree.ElementTree.fromstring(shown).findall("interface"):
                if node.get("name") == interface:
                    short = interface.rpartition(".")[2]
                    yield from ((short, objects[short], m) for m in node.findall("method"))

    def touched(self, since):
        ours = (str(STATE), str(RUN), "/etc/userdb", "/etc/systemd", "/srv", "/proc/self/fd")
        lines = self.trace.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines[since:] if any(path in line for path in ours)]

    def lines(self):
        return len(self.trace.read_text(encoding="utf-8", errors="replace").splitlines())

    def test_every_method_is_ungated_or_denied_before_a_file_is_touched(self):
        n = 0
        descriptor = os.memfd_create("source")
        before = self.lines()
        for short, path, method in self.methods():
            name = short + "." + method.get("name")
            signature, values = input_arguments(method)
            arguments = (path, method.get("name"), signature, *values)
            fds = [descriptor] if "h" in signature else []
            with self.subTest(name):
                if name in UNGATED:
                    if method.get("name").startswith("Get"):
                        self.refused({"Server": "NoSuchServer", "Blueprint": "NoSuchBlueprint",
                                      "Overlay": "NoSuchOverlay"}[method.get("name")[3:]], self.user.call, *arguments)
                    else:
                        self.user.call(*arguments)
                else:
                    asked = len(self.polkit.checks)
                    self.refused(DENIED, self.user.call, *arguments, fds=fds)
                    self.assertEqual(len(self.polkit.checks), asked + 1)
                    self.assertEqual(self.polkit.checks[-1].details["method"], method.get("name"))
            n += 1
        os.close(descriptor)
        self.assertGreater(n, 40)
        self.assertEqual(self.touched(before), [])
        # The same eyes see what a granted call does.
        self.polkit.decide = lambda check: "yes"
        before = self.lines()
        self.user.call(overlay("maps"), "ReadFile", "(stua{sv})", "file", 0, 10, {})
        self.assertTrue(self.touched(before))


if __name__ == "__main__":
    main()

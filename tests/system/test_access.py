"""Who may do what, asked of the live service: the table of methods comes from its introspection, so that a method that
somebody adds is tested or fails here."""
import pathlib
import re
import tempfile
import xml.etree.ElementTree as tree

import left4me
from left4me import DENIED, BusError, Caller, SystemTest, run

# Ordinary D-Bus plumbing, and what the XML says is not gated.
UNGATED = {("Manager", "GetServer"), ("Manager", "GetBlueprint"), ("Manager", "GetOverlay"), ("Manager", "CanI"),
           ("Manager", "ListPorts")}
# An operator has neither the installation nor the store, nor global overlays.
ADMINISTRATOR_ONLY = {("Manager", "VerifyStore"), ("Manager", "PruneStore"), ("Installation", "ImportDirectory"),
                      ("Installation", "ListGenerations"), ("Installation", "Rollback")}
RULES = pathlib.Path("/etc/polkit-1/rules.d/10-test.rules")


def gated_methods(caller, objects):
    """(interface, method, input signature) of all objects, live."""
    found = set()
    for interface, path in objects.items():
        text = caller.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")
        for node in tree.fromstring(text).iter("interface"):
            if node.get("name") != f"org.left4me.{interface}":
                continue
            for method in node.iter("method"):
                signature = [a.get("type") for a in method.iter("arg") if a.get("direction") == "in"]
                if (interface, method.get("name")) not in UNGATED:
                    found.add((interface, method.get("name"), "".join(signature)))
    return found


# Arguments that pass every check of form, so that the answer is about the caller: a malformed call is refused as such
# before anybody is asked about it. What they name does not exist, or is the caller's own.
ARGUMENTS = {
    ("Manager", "CreateServer"): lambda who: [f"{who}-new", who, {}],
    ("Manager", "ApplySpec"): lambda who: [f"{who}-spec", "port: 27099\n", {}],
    ("Manager", "CreateBlueprint"): lambda who: [f"{who}-new", {}, {}],
    ("Manager", "CreateOverlay"): lambda who: [f"{who}-new", "files", {}],
    ("Manager", "VerifyStore"): lambda who: [{}],
    ("Manager", "PruneStore"): lambda who: [{}],
    ("Server", "Start"): lambda who: [{}],
    ("Server", "Stop"): lambda who: [{}],
    ("Server", "Restart"): lambda who: [{}],
    ("Server", "Reset"): lambda who: [{}],
    ("Server", "Delete"): lambda who: [{}],
    ("Server", "SetBlueprint"): lambda who: [who, {}],
    ("Server", "SetPort"): lambda who: [27098, {}],
    ("Server", "SetAutostart"): lambda who: [False, {}],
    ("Server", "GetPlan"): lambda who: [{}],
    ("Blueprint", "GetDefinition"): lambda who: [{}],
    ("Blueprint", "Update"): lambda who: [{}, {}],
    ("Blueprint", "Clone"): lambda who: [f"{who}-clone", {}],
    ("Blueprint", "Delete"): lambda who: [{}],
    ("Overlay", "Import"): lambda who: [["/etc/hostname", "r"], "tar", {}],
    ("Overlay", "ImportPath"): lambda who: ["nothing.tar", "tar", {}],
    ("Overlay", "Export"): lambda who: [["/dev/null", "w"], {}],
    ("Overlay", "ExportPath"): lambda who: [f"nowhere/{who}.tar", {}],
    ("Overlay", "ListFiles"): lambda who: ["", "", {}],
    ("Overlay", "ReadFile"): lambda who: ["a.txt", 0, 10, {}],
    ("Overlay", "WriteFile"): lambda who: ["b.txt", "b", {}],
    ("Overlay", "RemoveFile"): lambda who: ["nothing.txt", {}],
    ("Overlay", "EditFiles"): lambda who: [[["write", "c.txt", "c"]], {}],
    ("Overlay", "OpenFile"): lambda who: ["a.txt", {}],
    ("Overlay", "ListGenerations"): lambda who: [{}],
    ("Overlay", "Rollback"): lambda who: [4000, {}],
    ("Overlay", "Delete"): lambda who: [{}],
    ("Installation", "ImportDirectory"): lambda who: ["/srv/nothing", {}],
    ("Installation", "ListGenerations"): lambda who: [{}],
    ("Installation", "Rollback"): lambda who: [4000, {}],
    ("Job", "Cancel"): lambda who: [{}],
    ("Job", "Wait"): lambda who: [0, {}],
}


class Access(SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root.make_overlay("priv", {"a.txt": "a"})
        cls.root.make_blueprint("priv", ["priv"])
        cls.root.make_server("priv", "priv")
        job = cls.root.manager("PruneStore", "a{sv}", {})
        cls.root.wait(job)
        cls.objects = {"Manager": left4me.MANAGER, "Installation": left4me.INSTALLATION,
                       "Server": cls.root.server("priv"), "Blueprint": cls.root.blueprint("priv"),
                       "Overlay": cls.root.overlay("priv"), "Job": job}
        cls.methods = sorted(gated_methods(cls.root, cls.objects))
        cls.addClassCleanup(lambda: left4me.clear(cls.root))

    def setUp(self):
        """Keeps what the class made."""

    def answer(self, caller, interface, method, signature, who="priv", objects=None):
        """Short name of the error, or "" where it was done."""
        try:
            caller.call((objects or self.objects)[interface], f"org.left4me.{interface}", method, signature,
                        *ARGUMENTS[interface, method](who))
        except BusError as error:
            return error.short
        return ""

    def rule(self, text):
        RULES.write_text(text)
        self.addCleanup(self.drop_rule)
        self.reload_polkit()

    def drop_rule(self):
        RULES.unlink()
        self.reload_polkit()

    def reload_polkit(self):
        run(["systemctl", "restart", "polkit.service"])

    def test_the_service_offers_the_interfaces_of_its_contract(self):
        offered = {}
        for interface, method, signature in self.methods:
            offered.setdefault(interface, {})[method] = signature
        for path in pathlib.Path("/usr/share/dbus-1/interfaces").glob("org.left4me.*.xml"):
            for node in tree.parse(path).iter("interface"):
                interface = node.get("name").rpartition(".")[2]
                for method in node.iter("method"):
                    signature = "".join(a.get("type") for a in method.iter("arg") if a.get("direction") == "in")
                    if (interface, method.get("name")) not in UNGATED:
                        self.assertEqual(offered[interface].get(method.get("name")), signature, method.get("name"))
        self.assertEqual({(i, m) for i, m, _ in self.methods}, set(ARGUMENTS), "a method without a test")

    def test_a_stranger_is_denied_every_method(self):
        answers = {(i, m): self.answer(self.mallory, i, m, s) for i, m, s in self.methods}
        self.assertEqual({k: v for k, v in answers.items() if v not in DENIED}, {})

    def test_an_operator_has_the_operators_set_and_no_more(self):
        self.alice.make_overlay("own", {"a.txt": "a"})
        self.alice.make_blueprint("own", ["own"])
        self.alice.make_server("own", "own")
        objects = dict(self.objects, Server=self.root.server("own"), Blueprint=self.root.blueprint("own"),
                       Overlay=self.root.overlay("own"))
        answers = {(i, m): self.answer(self.alice, i, m, s, "own", objects) for i, m, s in self.methods
                   if m != "Delete"}
        for key, answer in answers.items():
            with self.subTest(method=".".join(key)):
                if key in ADMINISTRATOR_ONLY:
                    self.assertIn(answer, DENIED)
                else:
                    self.assertNotIn(answer, DENIED)

    def test_an_operator_may_not_make_a_global_overlay(self):
        self.refused(DENIED, self.alice.manager, "CreateOverlay", "ssa{sv}", "world", "files",
                     {"global": ["b", True]})
        self.adam.manager("CreateOverlay", "ssa{sv}", "world", "files", {"global": ["b", True]})
        self.refused(DENIED, self.alice.call, self.root.overlay("world"), "org.left4me.Overlay", "WriteFile",
                     "saya{sv}", "x", "x", {})

    def test_an_administrator_is_denied_nothing(self):
        answers = {(i, m): self.answer(self.adam, i, m, s) for i, m, s in self.methods if m != "Delete"}
        self.assertEqual({k: v for k, v in answers.items() if v in DENIED}, {})

    def test_without_polkit_nobody_but_root_does_anything(self):
        run(["systemctl", "mask", "--runtime", "--now", "polkit.service"])
        self.addCleanup(run, ["systemctl", "unmask", "--runtime", "polkit.service"])
        for user in ("alice", "adam", "mallory"):
            caller = Caller(user)
            self.addCleanup(caller.close)
            answers = {(i, m): self.answer(caller, i, m, s) for i, m, s in self.methods}
            self.assertEqual({k: v for k, v in answers.items() if v not in DENIED}, {}, user)
        self.root.start("priv")
        self.root.stop("priv")

    def test_a_rule_about_one_server_opens_that_one_only(self):
        self.root.make_server("other", "priv")
        path = self.root.server("priv")
        self.rule('polkit.addRule(function(action, subject) {\n'
                  '  if (subject.user == "mallory" && action.id == "org.left4me.manager.server-control" &&\n'
                  f'      action.lookup("object") == "{path}") return polkit.Result.YES;\n'
                  '});\n')
        self.mallory.start("priv")
        self.mallory.stop("priv")
        with self.assertRaises(BusError) as caught:
            self.mallory.start("other")
        self.assertIn(caught.exception.short, DENIED)

    def test_cani_says_what_then_happens(self):
        actions = ["server-control", "content-manage", "install"]
        path = self.root.server("priv")
        self.assertEqual(self.alice.manager("CanI", "aso", actions, path)["server-control"], "yes")
        self.assertEqual(self.adam.manager("CanI", "aso", actions, path)["install"], "yes")
        self.assertEqual(set(self.mallory.manager("CanI", "aso", actions, path).values()) & {"yes"}, set())
        self.refused("InvalidArgs", self.mallory.manager, "CanI", "aso", ["no-such"], path)

    def test_properties_and_signals_show_no_secret(self):
        self.root.make_blueprint("secret", [], [], ["sv_password hunter2"])
        text = str(self.mallory.call("/org/left4me", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"))
        self.assertNotIn("hunter2", text)
        with self.assertRaises(BusError):
            self.mallory.call(self.root.blueprint("secret"), "org.left4me.Blueprint", "GetDefinition", "a{sv}", {})

    def test_the_internal_interface_answers_root_only(self):
        for caller in (self.alice, self.adam, self.mallory):
            with self.assertRaises(BusError) as caught:
                caller.call("/org/left4me/internal", "org.left4me.Internal", "GetMountPlan", "s", "priv")
            self.assertNotIn(caught.exception.short, {"NoSuchServer", "NotInstalled"})

    def test_a_denied_call_touches_no_file(self):
        """Traced: between the call and its refusal the manager opens, stats and reads nothing on the file system."""
        self.answer(self.mallory, "Server", "Start", "a{sv}")  # libc loads its own tables for the first message
        with tempfile.NamedTemporaryFile(mode="r", suffix=".trace") as trace:
            tracer = left4me.Tracer(left4me.manager_pid(), trace.name)
            try:
                for interface, method, signature in self.methods:
                    self.assertIn(self.answer(self.mallory, interface, method, signature), DENIED, method)
                denied = trace.read()
                self.answer(self.root, "Overlay", "ListFiles", "ssa{sv}")
            finally:
                tracer.stop()
            granted = trace.read()
        self.assertEqual(re.findall(r"^.*\(.*$", denied, re.MULTILINE), [])
        self.assertIn("open", granted, "the trace shows what a call does that is not denied")

"""Random calls of every method, valid and not, as an operator and as nobody: the manager answers each and lives.

What is called comes from the live introspection, so that a new method is called too. LEFT4ME_FUZZ_CALLS and
LEFT4ME_FUZZ_SEED say how much and what.
"""
import os
import random
import xml.etree.ElementTree as ElementTree

import left4me
from left4me import BusError, SystemTest, manager_pid, run, unit_property

CALLS = int(os.environ.get("LEFT4ME_FUZZ_CALLS", "1500"))
SEED = int(os.environ.get("LEFT4ME_FUZZ_SEED", "1"))
INTERFACES = "org.left4me."
OPEN_TO_ALL = {"GetServer", "GetBlueprint", "GetOverlay", "CanI", "ListPorts"}
NAMES = ["fz-a", "fz-b", "fz-c", "fz-d"]
TEXTS = ["", ".", "..", "/", "a/../b", "left4dead2/cfg/server.cfg", "left4dead2", "UPPER", "a" * 33, "x\ny", "%s%n",
         "\u202eabc", "\u00e9", "-", "files", "tar", "zip", "directory", "write", "remove", "a" * 65536, "a" * 65537,
         "port: 29050\n", "port: 29051\noverlays: [fz-a]\n", "port: 1\nport: 2\n", "a: &x [*x]\n", "x/" * 600]
KEYS = ["request-id", "if-revision", "only-now", "autostart", "port", "global", "merge", "overlays", "arguments",
        "config", "session", "", "x"]
NUMBERS = {"y": 8, "q": 16, "u": 32, "t": 64, "n": 15, "i": 31, "x": 63}


class Generator:
    """Values of a signature: mostly such as get past the first check."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        return self.random.choice(NAMES if self.random.random() < 0.7 else TEXTS)

    def number(self, bits):
        return self.random.choice([0, 1, 2, 3, 29060, 2 ** bits - 1, self.random.getrandbits(bits)]) % 2 ** bits

    def parts(self, signature):
        """The complete types of a signature."""
        found = []
        while signature:
            end = 0
            while signature[end] == "a":
                end += 1
            depth = 0
            while True:
                depth += (signature[end] in "({") - (signature[end] in ")}")
                end += 1
                if depth == 0:
                    break
            found.append(signature[:end])
            signature = signature[end:]
        return found

    def value(self, signature):
        if signature == "s":
            return self.text()
        if signature == "o":
            return self.random.choice(["/", "/org/left4me/server/fz_2da", "/org/left4me/overlay/fz_2da", "/x" * 300])
        if signature == "b":
            return self.random.random() < 0.5
        if signature == "h":
            return self.random.choice([["/etc/hostname", "r"], ["/tmp", "r"], ["/dev/null", "w"],
                                       [f"/tmp/fuzz-{os.getpid()}-{self.random.getrandbits(40)}", "w"]])
        if signature == "d":
            return self.random.random()
        if signature == "v":
            kind = self.random.choice(["s", "u", "b", "q", "as", "t", "ay", "a{sv}"])
            return [kind, self.value(kind) if kind != "a{sv}" else {}]
        if signature == "ay":
            return self.random.choice(["", "text\n", "\0" * 4096, "x" * (1024 * 1024), "x" * (1024 * 1024 + 1)])
        if signature == "a{sv}":
            return {} if self.random.random() < 0.6 else {self.random.choice(KEYS): self.value("v") for _ in range(2)}
        if signature[0] == "a":
            # Too many, but of small ones: the bus itself cuts off who sends more than 32 MiB.
            if signature == "as" and self.random.random() < 0.1:
                return ["s"] * 300
            return [self.value(signature[1:]) for _ in range(self.random.choice([0, 1, 1, 2, 3]))]
        if signature[0] == "(":
            return [self.value(part) for part in self.parts(signature[1:-1])]
        return self.number(NUMBERS[signature])


class Fuzz(SystemTest):
    def setUp(self):
        super().setUp()
        self.root.make_overlay("fz-a", {"left4dead2/cfg/server.cfg": "sv_tags a\n"}, **{"global": ["b", True]})
        self.root.make_blueprint("fz-a", ["fz-a"])
        self.root.make_server("fz-bystander", "fz-a")
        self.generator = Generator(SEED)

    def methods(self):
        """(path, interface, method, signatures of the arguments) of every object that there is."""
        found = []
        for path in self.root.call("/org/left4me", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"):
            try:
                text = self.root.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")
            except BusError:
                continue  # it went meanwhile
            for interface in ElementTree.fromstring(text).findall("interface"):
                if interface.get("name").startswith(INTERFACES):
                    found += [(path, interface.get("name"), method.get("name"),
                               [a.get("type") for a in method.findall("arg") if a.get("direction") == "in"])
                              for method in interface.findall("method")]
        return found

    def one_call(self, caller, methods):
        # By method first: there are many jobs, and one manager.
        member = self.generator.random.choice(sorted({(m[1], m[2]) for m in methods}))
        path, interface, method, signatures = self.generator.random.choice(
            [m for m in methods if (m[1], m[2]) == member])
        arguments = [self.generator.value(signature) for signature in signatures]
        if method == "Wait":
            arguments[0] = self.generator.random.choice([0, 1, 1000, 2 ** 64 - 1])
        try:
            caller.call(path, interface, method, "".join(signatures), *arguments, timeout=30)
        except BusError as error:
            self.assertNotIn(error.short, ("NoReply", "Disconnected", "NoMemory"), f"{method}{arguments!r}"[:300])
            return
        if caller is self.mallory:
            self.assertIn(method, OPEN_TO_ALL, "granted to a stranger")

    def test_random_calls_are_all_answered(self):
        pid = manager_pid()
        self.root.start("fz-bystander")
        for number in range(CALLS):
            if number % 100 == 0:
                methods = [m for m in self.methods() if "bystander" not in m[0]]
            self.one_call(self.mallory if number % 4 == 0 else self.alice, methods)
        self.assertEqual(manager_pid(), pid)
        self.assertEqual(self.root.property("fz-bystander", "State"), "running")
        self.assertEqual(self.root.get(left4me.MANAGER, "Manager", "Version") != "", True)
        self.assertEqual(unit_property("left4me-manager.service", "NRestarts"), "0")
        run(["sh", "-c", "rm -f /tmp/fuzz-*"])

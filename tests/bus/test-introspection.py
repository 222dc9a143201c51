#!/usr/bin/python3
"""The documented interfaces (dbus/*.xml) are what the manager serves, in both directions, and what their comments name
exists. Arguments: the manager, as of every test here."""
import pathlib
import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree as tree

TOP = pathlib.Path(__file__).resolve().parents[2]
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"
OURS = "org.left4me.Error."

# What the table has for what cannot be the answer of one method rather than of all.
EVERYWHERE = {"AccessDenied", "InteractiveAuthorizationRequired", "LimitReached", "InvalidArgs", "Failed"}
# Timeout: for clients, whose library makes it. The others are names that are kept: no method answers with them so far.
INTERNAL = {"Timeout", "NoSuchJob", "NotRunning"}


def arguments(node, direction):
    return [(a.get("name"), a.get("type"), a.get("direction", direction)) for a in node.findall("arg")]


def described(interface):
    """An <interface> as plain data."""
    result = {}
    for method in interface.findall("method"):
        result["method " + method.get("name")] = arguments(method, "in")
    for signal in interface.findall("signal"):
        result["signal " + signal.get("name")] = arguments(signal, "out")
    for prop in interface.findall("property"):
        emits = [a.get("value") for a in prop.findall("annotation") if a.get("name") == EMITS]
        result["property " + prop.get("name")] = (prop.get("type"), prop.get("access"), (emits or ["true"])[0])
    for node in interface.iter("annotation"):
        if node.get("name") != EMITS:
            result[f"annotation {node.get('name')}"] = node.get("value")
    return result


def documented():
    """Name of each interface, its element, its file's text."""
    for path in sorted((TOP / "dbus").glob("org.left4me.*.xml")):
        for interface in tree.parse(path).getroot().findall("interface"):
            yield interface.get("name"), interface, path.read_text(encoding="utf-8")


def comment_of(text, name):
    """The comment right before a method's element."""
    match = re.search(r"<!--((?:(?!-->).)*)-->\s*<method name=\"%s\">" % name, text, re.S)
    return " ".join(match[1].split()) if match else ""


def table():
    """Names of errors from the one table of them: (ours, standard)."""
    text = (TOP / "daemon/base/error.c").read_text(encoding="utf-8")
    return set(re.findall(r"\bOURS\(\"(\w+)\"\)", text)), set(re.findall(r"\bSTANDARD\(\"(\w+)\"\)", text))


def named_errors(text):
    """Every name that a comment gives as an error: in "Errors: A (why), B." and "fails with A, B"."""
    for match in re.finditer(r"(?:Errors:|fails with|or with) ([^.]*)", text):
        plain = re.sub(r"\([^)]*\)", "", match[1])
        yield from re.findall(r"\b([A-Z][a-z]+(?:[A-Z][a-z]+)*)\b", plain)


class Introspection(unittest.TestCase):
    maxDiff = None
    program = ""

    def served(self, name=None):
        argument = "--introspect" + (f"={name}" if name else "")
        return subprocess.run([self.program, argument], check=True, capture_output=True, text=True, timeout=20).stdout

    def test_the_same_interfaces_are_served_as_documented(self):
        self.assertEqual(sorted(self.served().split()), sorted(name for name, _, _ in documented()))

    def test_each_interface_is_served_as_documented(self):
        for name, interface, _ in documented():
            with self.subTest(name):
                found = [i for i in tree.fromstring(self.served(name)).findall("interface") if i.get("name") == name]
                self.assertEqual(len(found), 1)
                self.assertEqual(described(found[0]), described(interface))

    def test_an_unknown_interface_is_an_error(self):
        done = subprocess.run([self.program, "--introspect=org.left4me.Nothing"], capture_output=True, timeout=20,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (1, b""))

    def test_every_method_has_a_comment_that_begins_with_its_name(self):
        for name, interface, text in documented():
            for method in interface.findall("method"):
                with self.subTest(f"{name}.{method.get('name')}"):
                    self.assertTrue(comment_of(text, method.get("name")).startswith(method.get("name") + ": "))

    def test_every_error_that_is_named_exists(self):
        ours, standard = table()
        n = 0
        for name, _, text in documented():
            for comment in re.findall(r"<!--(.*?)-->", text, re.S):
                for error in named_errors(" ".join(comment.split())):
                    with self.subTest(f"{name}: {error}"):
                        self.assertIn(error, ours | standard)
                        n += 1
        self.assertGreater(n, 30)

    def test_every_error_that_exists_is_named(self):
        ours, standard = table()
        text = " ".join(text for _, _, text in documented())
        words = set(re.findall(r"\b[A-Z]\w+\b", " ".join(re.findall(r"<!--(.*?)-->", text, re.S))))
        self.assertEqual(sorted((ours | standard) - INTERNAL - EVERYWHERE - words), [])


if __name__ == "__main__":
    Introspection.program = sys.argv.pop(1)
    unittest.main(verbosity=2)

#!/usr/bin/python3
"""What callers send: options, sizes, names, files, ports; each refusal has a name and leaves everything as it was."""
import os
import socket
import stat
import subprocess
import xml.etree.ElementTree

from gi.repository import GLib

from world import (INSTALLATION, INVALID, MANAGER, ROOT, STANDARD, STATE, World, blueprint, main, options, overlay,
                   server, wait, with_bytes)

LONG = "x" * (64 * 1024 + 1)


def strings(values):
    return GLib.Variant("as", values)


class Options(World):
    def setUp(self):
        super().setUp()
        self.make_server()
        self.alpha = server("alpha")

    def test_unknown_keys_are_refused_with_those_that_are_known(self):
        message = self.refused(INVALID, self.root.call, self.alpha, "Start", "(a{sv})", options(now=("b", True)))
        self.assertIn("'now'", message)
        self.assertIn("only-now", message)
        message = self.refused(INVALID, self.root.call, self.alpha, "GetPlan", "(a{sv})", options(port=("q", 1)))
        self.assertIn("known here: none", message)
        self.assertNotIn("\n", self.refused(INVALID, self.root.call, self.alpha, "Start", "(a{sv})",
                                            {"a\nb\x1b[31m": GLib.Variant("s", "")}))

    def test_a_value_of_another_type_is_refused(self):
        for key, value in (("request-id", ("u", 1)), ("if-revision", ("i", 1)),
                           ("only-now", ("s", "yes")), ("only-now", ("v", GLib.Variant("b", True)))):
            with self.subTest(key=key, type=value[0]):
                self.assertIn(key, self.refused(INVALID, self.root.call, self.alpha, "Start", "(a{sv})",
                                                {key: GLib.Variant(*value)}))
        self.refused(INVALID, self.root.call, MANAGER, "CreateServer", "(ssa{sv})", "beta", "coop",
                     options(port=("u", 27016)))

    def test_a_key_that_is_given_twice_is_refused(self):
        twice = GLib.Variant.new_array(GLib.VariantType("{sv}"), [
            GLib.Variant.new_dict_entry(GLib.Variant("s", "only-now"), GLib.Variant("v", GLib.Variant("b", value)))
            for value in (True, False)])
        connection = self.root.connection
        with self.assertRaises(GLib.Error) as caught:
            connection.call_sync("org.left4me.Manager", self.alpha, "org.left4me.Server", "Start",
                                 GLib.Variant.new_tuple(twice), None, 0, -1, None)
        self.assertIn("twice", caught.exception.message)

    def test_every_method_ends_with_options_and_refuses_unknown_ones(self):
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {})
        job = self.root.call(self.alpha, "Stop", "(a{sv})", {})
        objects = {"Manager": MANAGER, "Server": self.alpha, "Blueprint": blueprint("coop"), "Overlay": overlay("maps"),
                   "Installation": INSTALLATION, "Job": job}
        values = {"s": "x", "u": 1, "t": 0, "q": 1, "b": True, "h": 0, "ay": b"", "a(ssay)": [], "a{sv}": {}}
        n = 0
        for short, path in objects.items():
            shown = subprocess.run([self.program, "--introspect=org.left4me." + short], check=True, capture_output=True,
                                   text=True).stdout
            for method in xml.etree.ElementTree.fromstring(shown).iter("method"):
                types = [a.get("type") for a in method.findall("arg") if a.get("direction") == "in"]
                if not types or types[-1] != "a{sv}":
                    self.assertIn(method.get("name"), ("GetServer", "GetBlueprint", "GetOverlay", "CanI", "ListPorts",
                                                       "Introspect", "Get", "GetAll", "Set", "Ping", "GetMachineId"))
                    continue
                with self.subTest(f"{short}.{method.get('name')}"):
                    arguments = [values[t] for t in types[:-1]] + [options(nonsense=("s", "x"))]
                    with open("/dev/null", "rb") as null:
                        self.refused(INVALID, self.root.call, path, method.get("name"), "(" + "".join(types) + ")",
                                     *arguments, fds=[null.fileno()] if "h" in types else [])
                n += 1
        self.assertGreater(n, 35)


class Sizes(World):
    def test_strings_of_more_than_64_kib_are_refused(self):
        for arguments in ((MANAGER, "GetServer", "(s)", LONG),
                          (MANAGER, "ApplySpec", "(ssa{sv})", "alpha", LONG, {}),
                          (MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", "b", {"config": strings([LONG])}, {})):
            self.refused(INVALID, self.root.call, *arguments)

    def test_a_spec_of_64_kib_is_read(self):
        text = "port: 27020\n#" + "x" * (64 * 1024 - 14) + "\n"
        self.assertEqual(len(text), 64 * 1024)
        self.assertEqual(self.root.call(MANAGER, "ApplySpec", "(ssa{sv})", "alpha", text, {}), server("alpha"))

    def test_lists_of_more_than_256_are_refused(self):
        message = self.refused(INVALID, self.root.call, MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", "b",
                               {"config": strings([f"sv_x {i}" for i in range(257)])}, {})
        self.assertIn("256", message)
        self.refused(INVALID, self.root.call, MANAGER, "CanI", "(aso)", ["install"] * 257, "/")
        self.root.call(MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", "b",
                       {"config": strings([f"sv_x{i} 1" for i in range(256)])}, {})
        self.assertEqual(len(self.root.call(blueprint("b"), "GetDefinition", "(a{sv})", {})["config"]), 256)

    def test_more_than_a_mib_of_bytes_is_refused(self):
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {})
        name, nothing = GLib.Variant("s", "a"), GLib.Variant("a{sv}", {})
        for size in (2**20 + 1, 4 * 2**20):
            self.refused(INVALID, self.root.call, overlay("maps"), "WriteFile", with_bytes([name], size, [nothing]))
        write, remove = GLib.Variant("s", "write"), GLib.Variant("s", "remove")
        parts = [with_bytes([write, name], size, []) for size in (2**19, 2**19, 1)]
        self.refused(INVALID, self.root.call, overlay("maps"), "EditFiles",
                     GLib.Variant.new_tuple(GLib.Variant.new_array(None, parts), nothing))
        parts = [with_bytes([remove, name], 0, [])] * 257
        self.refused(INVALID, self.root.call, overlay("maps"), "EditFiles",
                     GLib.Variant.new_tuple(GLib.Variant.new_array(None, parts), nothing))
        self.root.call(overlay("maps"), "WriteFile", with_bytes([name], 2**20, [nothing]))
        self.assertEqual(self.root.get(overlay("maps"), "Generation"), 1)

    def test_wrong_signatures_interfaces_and_objects_are_standard_errors(self):
        self.make_server()
        for signature, values in (("()", ()), ("(u)", (1,)), ("(ss)", ("a", "b"))):
            self.refused(INVALID, self.root.call, MANAGER, "GetServer", signature, *values)
        self.refused(STANDARD + "UnknownMethod", self.root.call, MANAGER, "Nothing")
        self.refused(STANDARD + "UnknownMethod", self.root.call, MANAGER, "org.left4me.Server.Start", "(a{sv})", {})
        self.refused(STANDARD + "UnknownObject", self.root.call, server("nobody"), "Start", "(a{sv})", {})
        self.refused(STANDARD + "UnknownObject", self.root.call, ROOT + "/job/99", "Cancel", "(a{sv})", {})
        for path in ("/org/left4me/server/_", "/org/left4me/server/alpha/more", "/org/left4me/job/_2d1",
                     "/org/left4me/job/_39999999999", "/org/left4me/job/0"):
            self.refused(STANDARD + "UnknownObject", self.root.call, path, PING, "(s)", "org.left4me.Server")
        self.refused(STANDARD + "PropertyReadOnly", self.root.call, server("alpha"),
                     "org.freedesktop.DBus.Properties.Set", "(ssv)", "org.left4me.Server", "Port",
                     GLib.Variant("q", 1))


PING = "org.freedesktop.DBus.Properties.GetAll"


class Names(World):
    def test_names_are_strict(self):
        for bad in ("", "A", "-a", "a_b", "a b", "a" * 33, "a/b", "a\n", "ä", "..", "a.service"):
            with self.subTest(bad):
                self.refused("InvalidName", self.root.call, MANAGER, "CreateOverlay", "(ssa{sv})", bad, "files", {})
                self.refused("InvalidName", self.root.call, MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", bad, {}, {})
                self.refused("InvalidName", self.root.call, MANAGER, "ApplySpec", "(ssa{sv})", bad, "port: 1\n", {})
                self.refused("InvalidName", self.root.call, MANAGER, "GetServer", "(s)", bad)
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "0" * 32, "files", {})

    def test_what_exists_exists_and_what_is_used_stays(self):
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {})
        self.refused("Exists", self.root.call, MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {})
        self.root.call(MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", "coop", {"overlays": strings(["maps"])}, {})
        self.refused("Exists", self.root.call, MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", "coop", {}, {})
        self.make_server()
        self.refused("Exists", self.root.call, MANAGER, "CreateServer", "(ssa{sv})", "alpha", "coop", {})
        self.assertIn("coop", self.refused("InUse", self.root.call, overlay("maps"), "Delete", "(a{sv})", {}))
        self.assertIn("alpha", self.refused("InUse", self.root.call, blueprint("coop"), "Delete", "(a{sv})", {}))
        self.refused("NoSuchOverlay", self.root.call, MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", "duel",
                     {"overlays": strings(["nothing"])}, {})
        self.refused(INVALID, self.root.call, MANAGER, "CreateOverlay", "(ssa{sv})", "x", "script", {})

    def test_a_spec_says_where_it_is_wrong_and_changes_nothing(self):
        self.root.call(MANAGER, "ApplySpec", "(ssa{sv})", "alpha", "port: 27020\nconfig: [sv_a 1]\n", {})
        message = self.refused("InvalidSpec", self.root.call, MANAGER, "ApplySpec", "(ssa{sv})", "alpha",
                               "port: 27021\nconfig: [sv_b 1]\nnonsense: 1\n", {})
        self.assertIn("line 3", message)
        self.refused("NoSuchOverlay", self.root.call, MANAGER, "ApplySpec", "(ssa{sv})", "alpha",
                     "port: 27021\noverlays: [nothing]\n", {})
        self.assertEqual(self.root.get(server("alpha"), "Port"), 27020)
        self.assertEqual(self.root.call(blueprint("alpha"), "GetDefinition", "(a{sv})", {})["config"], ["sv_a 1"])

    def test_a_definition_with_unknown_keys_or_types_is_refused(self):
        for definition in ({"port": GLib.Variant("q", 1)}, {"config": GLib.Variant("s", "x")}):
            self.refused(INVALID, self.root.call, MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", "b", definition, {})
        self.refused("InvalidSpec", self.root.call, MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", "b",
                     {"config": strings(["sv_a 1\nquit"])}, {})


class Secrets(World):
    def test_passwords_are_in_no_property_signal_plan_or_log(self):
        seen = self.root.subscribe()
        self.install()
        self.root.call(MANAGER, "ApplySpec", "(ssa{sv})", "alpha",
                       "port: 27020\nconfig: [sv_password hunter2]\n", {})
        message = self.refused("InvalidSpec", self.root.call, MANAGER, "ApplySpec", "(ssa{sv})", "beta",
                               "port: 27021\nconfig: [rcon_password hunter3]\n", {})
        job = self.root.call(server("alpha"), "Start", "(a{sv})", {})
        self.end_of(job)
        plan = self.root.call(server("alpha"), "GetPlan", "(a{sv})", {})
        self.root.call(ROOT + "/internal", "GetMountPlan", "(s)", "alpha")
        managed = self.root.call(ROOT, "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
        self.kill()
        password = self.sql("SELECT rcon_password FROM server")[0][0]
        self.assertGreaterEqual(len(password), 16)
        shown = repr((seen, plan, managed, message, self.manager.output()))
        self.assertIn("sv_password", shown)
        for secret in ("hunter2", "hunter3", password):
            self.assertNotIn(secret, shown)
        self.start()


class Ports(World):
    def bound(self, family, kind, port):
        sock = socket.socket(family, kind)
        sock.bind(("", port) if family == socket.AF_INET else ("::", port))
        if kind == socket.SOCK_STREAM:
            sock.listen(1)
        self.addCleanup(sock.close)

    def test_a_port_that_a_socket_has_is_never_handed_out(self):
        taken = ((socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_INET6, socket.SOCK_DGRAM),
                 (socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET6, socket.SOCK_STREAM))
        for i, (family, kind) in enumerate(taken):
            self.bound(family, kind, 27015 + i)
        self.make_server()
        self.assertEqual(self.root.get(server("alpha"), "Port"), 27019)
        self.make_server("beta")
        self.assertEqual(self.root.get(server("beta"), "Port"), 27020)
        for port in (27015, 27016, 27017, 27018):
            self.refused("PortInUse", self.root.call, server("beta"), "SetPort", "(qa{sv})", port, {})
        self.assertIn("alpha", self.refused("PortInUse", self.root.call, server("beta"), "SetPort", "(qa{sv})", 27019,
                                            {}))
        self.refused(INVALID, self.root.call, server("beta"), "SetPort", "(qa{sv})", 0, {})
        self.assertEqual(sorted(self.root.call(MANAGER, "ListPorts")), sorted([
            ("", 27015, "udp"), ("", 27016, "udp"), ("", 27017, "tcp"), ("", 27018, "tcp"),
            ("alpha", 27019, "server"), ("beta", 27020, "server")]))

    def test_a_range_that_is_full_says_so(self):
        with open("/etc/left4me/manager.yaml", "w", encoding="utf-8") as settings:
            settings.write("port-range: 27015-27016\n")
        self.restart()
        self.make_server()
        self.make_server("beta")
        self.assertIn("27015 to 27016", self.refused("NoFreePort", self.make_server, "gamma"))
        self.make_server("gamma", port=30000)

    def test_a_servers_own_socket_does_not_stop_it_from_keeping_its_port(self):
        self.make_server()
        self.bound(socket.AF_INET, socket.SOCK_DGRAM, 27015)
        self.root.call(server("alpha"), "SetPort", "(qa{sv})", 27015, {})
        self.root.call(MANAGER, "ApplySpec", "(ssa{sv})", "beta", "port: 27016\n", {})
        self.bound(socket.AF_INET, socket.SOCK_DGRAM, 27016)
        self.root.call(MANAGER, "ApplySpec", "(ssa{sv})", "beta", "port: 27016\nconfig: [sv_a 1]\n", {})


class Files(World):
    """Reading a generation's checkout, where something nasty lies."""

    def setUp(self):
        super().setUp()
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {})
        self.maps = overlay("maps")
        self.end_of(self.root.call(self.maps, "ImportPath", "(ssa{sv})", "new", "tar", {}))
        self.tree = next((STATE / "checkouts").iterdir())
        (self.tree / "folder").mkdir()
        (self.tree / "folder/b").write_text("b", encoding="utf-8")
        (self.tree / "link").symlink_to("/etc/passwd")
        (self.tree / "up").symlink_to("..")
        os.mkfifo(self.tree / "pipe")

    def read(self, path, offset=0, size=100):
        return bytes(self.root.call(self.maps, "ReadFile", "(stua{sv})", path, offset, size, {}))

    def test_files_are_listed_and_read(self):
        entries, following = self.root.call(self.maps, "ListFiles", "(ssa{sv})", "", "", {})
        self.assertEqual([e[:2] for e in entries if e[0] != "pipe"], [
            ("file", "file"), ("folder", "directory"), ("link", "link"), ("up", "link")])
        self.assertEqual(following, "")
        self.assertEqual(self.read("file"), b"text")
        self.assertEqual(self.read("file", 2, 1), b"x")
        self.assertEqual(self.read("file", 2**64 - 1, 1), b"")
        self.assertEqual(self.read("folder/b", 0, 2**32 - 1), b"b")

    def test_nothing_outside_is_opened(self):
        for path in ("link", "up", "folder"):
            self.refused(INVALID, self.read, path)
        for path in ("", "/etc/passwd", "../x", "a/../b", "./file", "a//b", "a\nb", "x" * 1025, "x" * 256 + "/y"):
            with self.subTest(path):
                self.refused(INVALID, self.read, path)
        for path in ("nothing", "file/below", "up/repo"):
            self.refused("FileNotFound", self.read, path)
        with self.assertRaises(Exception):
            self.read("pipe")

    def test_a_file_is_passed_as_a_read_only_descriptor(self):
        pending = self.root.begin(self.maps, "OpenFile", "(sa{sv})", "file", {})
        pending.result()
        with os.fdopen(pending.fds[0], "rb") as file:
            self.assertEqual(file.read(), b"text")
            self.assertTrue(stat.S_ISREG(os.fstat(file.fileno()).st_mode))
            with self.assertRaises(OSError):
                os.write(file.fileno(), b"x")

    def test_a_folder_of_many_is_listed_in_pages(self):
        for i in range(600):
            (self.tree / "folder" / f"f{i:03}").write_text("", encoding="utf-8")
        names, cursor, pages = [], "", 0
        while cursor or not pages:
            entries, cursor = self.root.call(self.maps, "ListFiles", "(ssa{sv})", "folder", cursor, {})
            self.assertLessEqual(len(entries), 256)
            names += [e[0] for e in entries]
            pages += 1
        self.assertEqual((pages, names), (3, sorted(["b"] + [f"f{i:03}" for i in range(600)])))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.manager.process.pid}/fd"))

    def test_descriptors_are_looked_at(self):
        read, write = os.pipe()
        folder = os.open("/", os.O_RDONLY)
        path_only = os.open("/etc/passwd", os.O_PATH)
        sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(sock.close)
        for fd, fmt in ((write, "tar"), (folder, "tar"), (path_only, "tar"), (sock.fileno(), "tar"), (read, "directory"),
                        (read, "rar")):
            with self.subTest(fd=fd, format=fmt):
                self.refused(INVALID, self.root.call, self.maps, "Import", "(hsa{sv})", 0, fmt, {}, fds=[fd])
        for fd in (read, folder, path_only):
            self.refused(INVALID, self.root.call, self.maps, "Export", "(ha{sv})", 0, {}, fds=[fd])
        # A message's own descriptors are closed after its answer has gone out.
        before = self.descriptors()
        for _ in range(20):
            self.refused(INVALID, self.root.call, self.maps, "Import", "(hsa{sv})", 0, "rar", {}, fds=[read])
        wait(lambda: self.descriptors() <= before, "the end of all descriptors")
        for fd in (read, write, folder, path_only):
            os.close(fd)


if __name__ == "__main__":
    main()

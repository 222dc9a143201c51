"""A mock of systemd as process 1: units, jobs and unit files, each call answered, held, refused or never answered, as
the test decided."""
import os
import pathlib

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME = "org.freedesktop.systemd1"
PATH = "/org/freedesktop/systemd1"
MANAGER = NAME + ".Manager"
UNIT = NAME + ".Unit"
SERVICE = NAME + ".Service"
WANTS = pathlib.Path("/etc/systemd/system/multi-user.target.wants")
STORE = "left4me-store-"

MANAGER_XML = f"""<node><interface name="{MANAGER}">
  <method name="Subscribe"/>
  <method name="Reload"/>
  <method name="StartUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/>
    <arg type="o" direction="out"/></method>
  <method name="StopUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/>
    <arg type="o" direction="out"/></method>
  <method name="RestartUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/>
    <arg type="o" direction="out"/></method>
  <method name="ResetFailedUnit"><arg type="s" direction="in"/></method>
  <method name="EnableUnitFiles"><arg type="as" direction="in"/><arg type="b" direction="in"/>
    <arg type="b" direction="in"/><arg type="b" direction="out"/><arg type="a(sss)" direction="out"/></method>
  <method name="DisableUnitFiles"><arg type="as" direction="in"/><arg type="b" direction="in"/>
    <arg type="a(sss)" direction="out"/></method>
  <method name="StartTransientUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/>
    <arg type="a(sv)" direction="in"/><arg type="a(sa(sv))" direction="in"/><arg type="o" direction="out"/></method>
  <method name="ListUnitsByPatterns"><arg type="as" direction="in"/><arg type="as" direction="in"/>
    <arg type="a(ssssssouso)" direction="out"/></method>
</interface></node>"""

UNIT_XML = f"""<node>
  <interface name="{UNIT}"><property name="ActiveEnterTimestamp" type="t" access="read"/></interface>
  <interface name="{SERVICE}">
    <property name="Result" type="s" access="read"/><property name="StatusText" type="s" access="read"/>
    <property name="ExecMainCode" type="i" access="read"/><property name="ExecMainStatus" type="i" access="read"/>
    <property name="NRestarts" type="u" access="read"/>
  </interface></node>"""

SUB = {"active": "running", "inactive": "dead", "failed": "failed", "activating": "start", "deactivating": "stop"}


def label(name):
    """As sd_bus_path_encode(3)."""
    return "".join(c if c.isascii() and (c.isalpha() or (c.isdigit() and i > 0)) else f"_{ord(c):02x}"
                   for i, c in enumerate(name))


class Call:
    """A call of the manager's, until it is answered."""

    def __init__(self, systemd, invocation, method, arguments, fds):
        self.systemd = systemd
        self.invocation = invocation
        self.method = method
        self.arguments = arguments
        self.fds = fds
        self.unit = arguments[0] if arguments and isinstance(arguments[0], str) else ""
        self.job = None

    def refuse(self, name=NAME + ".UnitMasked", text="the mock refuses"):
        self.invocation.return_dbus_error(name, text)

    def reply(self, signature=None, *values):
        self.invocation.return_value(GLib.Variant(signature, values) if signature else None)

    def accept(self):
        """systemd's job exists from now on; end() ends it."""
        self.systemd.n_jobs += 1
        self.job = self.systemd.n_jobs
        self.reply("(o)", f"{PATH}/job/{self.job}")

    def end(self, result="done"):
        self.systemd.emit("JobRemoved", "(uoss)", self.job, f"{PATH}/job/{self.job}", self.unit, result)


class StoreRun:
    """A transient unit that runs the store's helper: the test is the helper."""

    def __init__(self, call):
        self.unit = call.unit
        self.systemd = call.systemd
        self.properties = dict(call.arguments[2])
        self.request_path = dict(self.properties["LoadCredential"])["request"]
        self.request = pathlib.Path(self.request_path).read_text(encoding="utf-8")
        self.output = os.dup(call.fds[self.properties["StandardOutputFileDescriptor"]])
        handle = self.properties.get("StandardInputFileDescriptor")
        self.input = os.dup(call.fds[handle]) if handle is not None else None

    def write(self, line):
        os.write(self.output, line.encode() + b"\n")

    def end(self, active="inactive"):
        """The program is gone, and so is its unit."""
        for fd in (self.output, self.input):
            if fd is not None:
                os.close(fd)
        self.output = self.input = None
        self.systemd.runs.remove(self)
        self.systemd.set_state(self.unit, active)
        self.systemd.unload(self.unit)


class Systemd:
    """on[METHOD](call) decides about a call; without one it works as systemd does. on_store(run) is the helper."""

    def __init__(self, address):
        self.calls = []
        self.on = {}
        self.on_store = None
        self.units = {}  # name -> ActiveState
        self.failures = {}  # name -> properties of a Service
        self.paths = {}
        self.runs = []
        self.n_jobs = 0
        self.connection = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        self.connection.set_exit_on_close(False)
        interface = Gio.DBusNodeInfo.new_for_xml(MANAGER_XML).interfaces[0]
        self.connection.register_object(PATH, interface, self.on_call, None, None)
        self.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                  "RequestName", GLib.Variant("(su)", (NAME, 4)), None, Gio.DBusCallFlags.NONE, -1,
                                  None)

    def close(self):
        for run in list(self.runs):
            os.close(run.output)
        self.connection.close_sync(None)

    def emit(self, member, signature, *values, path=PATH, interface=MANAGER):
        self.connection.emit_signal(None, path, interface, member, GLib.Variant(signature, values))

    def on_call(self, _connection, _sender, _path, _interface, method, arguments, invocation):
        fds = invocation.get_message().get_unix_fd_list()
        call = Call(self, invocation, method, arguments.unpack(), fds.peek_fds() if fds else [])
        self.calls.append(call)
        self.on.get(method, getattr(self, "do_" + method))(call)

    def called(self, method, unit=None):
        return [c for c in self.calls if c.method == method and unit in (None, c.unit)]

    # Units

    def unit_path(self, unit):
        return f"{PATH}/unit/{label(unit)}"

    def load(self, unit):
        if unit in self.paths:
            return
        self.paths[unit] = [self.connection.register_object(self.unit_path(unit), interface, None,
                                                            lambda *a, u=unit: self.on_get(u, a[4]), None)
                            for interface in Gio.DBusNodeInfo.new_for_xml(UNIT_XML).interfaces]

    def on_get(self, unit, name):
        failure = {"Result": "exit-code", "StatusText": "", "ExecMainCode": 1, "ExecMainStatus": 1, "NRestarts": 0,
                   **self.failures.get(unit, {})}
        if name == "ActiveEnterTimestamp":
            return GLib.Variant("t", 1700000000000000)
        return GLib.Variant({"ExecMainCode": "i", "ExecMainStatus": "i", "NRestarts": "u"}.get(name, "s"),
                            failure[name])

    def set_state(self, unit, active, sub=None):
        self.load(unit)
        self.units[unit] = active
        self.emit("PropertiesChanged", "(sa{sv}as)", UNIT,
                  {"ActiveState": GLib.Variant("s", active), "SubState": GLib.Variant("s", sub or SUB[active]),
                   "ActiveEnterTimestamp": GLib.Variant("t", 1700000000000000)}, [],
                  path=self.unit_path(unit), interface="org.freedesktop.DBus.Properties")

    def unload(self, unit):
        self.units.pop(unit, None)
        for number in self.paths.pop(unit, []):
            self.connection.unregister_object(number)
        self.emit("UnitRemoved", "(so)", unit, self.unit_path(unit))

    # What systemd does when no test says otherwise

    def do_Subscribe(self, call):
        call.reply()

    def do_Reload(self, call):
        call.reply()

    def do_ResetFailedUnit(self, call):
        if self.units.get(call.unit) == "failed":
            self.set_state(call.unit, "inactive")
        call.reply()

    def do_StartUnit(self, call):
        call.accept()
        self.finish_start(call)

    def finish_start(self, call):
        self.set_state(call.unit.replace("-server@", "-mount@"), "active", "exited")
        self.set_state(call.unit, "active")
        call.end()

    do_RestartUnit = do_StartUnit

    def do_StopUnit(self, call):
        call.accept()
        self.finish_stop(call)

    def finish_stop(self, call):
        if call.unit.startswith(STORE):
            for run in [r for r in self.runs if r.unit == call.unit]:
                run.end()
        for unit in (call.unit.replace("-mount@", "-server@"), call.unit):
            if unit in self.units:
                self.set_state(unit, "inactive")
                self.unload(unit)
        call.end()

    def do_EnableUnitFiles(self, call):
        for unit in call.arguments[0]:
            link = WANTS / unit
            if not link.is_symlink():
                link.symlink_to("/lib/systemd/system/left4me-server@.service")
        call.reply("(ba(sss))", True, [])
        self.emit("UnitFilesChanged", "()")

    def do_DisableUnitFiles(self, call):
        for unit in call.arguments[0]:
            (WANTS / unit).unlink(missing_ok=True)
        call.reply("(a(sss))", [])
        self.emit("UnitFilesChanged", "()")

    def do_StartTransientUnit(self, call):
        run = StoreRun(call)
        self.runs.append(run)
        call.accept()
        self.set_state(call.unit, "active")
        call.end()
        if self.on_store:
            self.on_store(run)

    def do_ListUnitsByPatterns(self, call):
        call.reply("(a(ssssssouso))", [(u, "", "loaded", a, SUB[a], "", self.unit_path(u), 0, "", "/")
                                       for u, a in self.units.items()])

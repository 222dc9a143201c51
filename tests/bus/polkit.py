"""A mock of polkitd: each question is answered as the test decided, or waits until it does."""
import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

PATH = "/org/freedesktop/PolicyKit1/Authority"
XML = """<node><interface name="org.freedesktop.PolicyKit1.Authority">
  <method name="CheckAuthorization">
    <arg type="(sa{sv})" direction="in"/><arg type="s" direction="in"/><arg type="a{ss}" direction="in"/>
    <arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="(bba{ss})" direction="out"/>
  </method>
  <method name="CancelCheckAuthorization"><arg type="s" direction="in"/></method>
  <signal name="Changed"/>
  <property name="BackendName" type="s" access="read"/>
  <property name="BackendVersion" type="s" access="read"/>
  <property name="BackendFeatures" type="u" access="read"/>
</interface></node>"""

ANSWERS = {"yes": (True, False, {}), "no": (False, False, {}), "challenge": (False, True, {})}


class Check:
    """A question: who may do what to what?"""

    def __init__(self, invocation, arguments):
        (self.kind, subject), self.action, self.details, self.flags, self.cancel_id = arguments
        self.subject = subject.get("name")
        self.action = self.action.removeprefix("org.left4me.manager.")
        self.interactive = bool(self.flags & 1)
        self.cancelled = False
        self.invocation = invocation

    def answer(self, word):
        invocation, self.invocation = self.invocation, None
        if word == "error":
            invocation.return_dbus_error("org.freedesktop.PolicyKit1.Error.Failed", "the mock failed")
        else:
            invocation.return_value(GLib.Variant("((bba{ss}))", (ANSWERS[word],)))


class Polkit:
    """decide(check) returns a word of ANSWERS, "error", or None for an answer that comes later or never."""

    def __init__(self, address):
        self.address = address
        self.checks = []
        self.connection = None
        self.decide = lambda check: "no"
        self.open()

    def open(self):
        self.connection = Gio.DBusConnection.new_for_address_sync(
            self.address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        self.connection.set_exit_on_close(False)
        interface = Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0]
        self.connection.register_object(PATH, interface, self.on_call, self.on_get, None)
        self.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                  "RequestName", GLib.Variant("(su)", ("org.freedesktop.PolicyKit1", 4)), None,
                                  Gio.DBusCallFlags.NONE, -1, None)

    def close(self):
        """polkitd is gone; harmless when it is already."""
        if self.connection:
            self.connection.close_sync(None)
            self.connection = None

    def on_get(self, _connection, _sender, _path, _interface, name):
        return GLib.Variant("u", 0) if name == "BackendFeatures" else GLib.Variant("s", "mock")

    def on_call(self, _connection, _sender, _path, _interface, method, arguments, invocation):
        if method == "CancelCheckAuthorization":
            self.on_cancel(arguments.unpack()[0])
            invocation.return_value(None)
            return
        check = Check(invocation, arguments.unpack())
        self.checks.append(check)
        word = self.decide(check)
        if word:
            check.answer(word)

    def on_cancel(self, cancel_id):
        for check in self.checks:
            if check.cancel_id == cancel_id and check.invocation:
                check.cancelled = True
                check.invocation.return_dbus_error("org.freedesktop.PolicyKit1.Error.Cancelled", "cancelled")
                check.invocation = None

"""What the host and its users do behind the manager's back: systemd reads its files again, a server ends while no manager
runs, somebody pretends to be systemd."""
import left4me
from left4me import SystemTest, mount_unit, run, run_as, server_unit

# Unicast signals that systemd could have sent, as any user may.
FORGER = """
import sys, dbus
bus = dbus.SystemBus()
def send(path, interface, member, signature, *arguments):
    message = dbus.lowlevel.SignalMessage(path, interface, member)
    message.set_destination("org.left4me.Manager")
    message.append(signature=signature, *arguments)
    bus.send_message(message)
root = "/org/freedesktop/systemd1"
for unit in sys.argv[1:]:
    path = root + "/unit/" + "".join(c if c.isalnum() else "_%02x" % ord(c) for c in unit)
    send(path, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", "org.freedesktop.systemd1.Unit",
         {"ActiveState": "failed", "SubState": "forged"}, [])
    send(root, "org.freedesktop.systemd1.Manager", "UnitRemoved", "so", unit, path)
send(root, "org.freedesktop.systemd1.Manager", "Reloading", "b", True)
bus.flush()
# The manager has read them when it answers what came after them.
bus.get_object("org.left4me.Manager", "/org/left4me/Manager").ListPorts(dbus_interface="org.left4me.Manager")
"""


class HostEvents(SystemTest):
    def setUp(self):
        super().setUp()
        self.root.make_overlay("base", {"left4dead2/maps/attic.bsp": "VBSP attic"})
        self.root.make_blueprint("bp", ["base"])
        self.root.make_server("seen", "bp")
        self.root.start("seen")

    def assert_shown_running(self):
        self.assertEqual(self.root.property("seen", "State"), "running")
        self.assertEqual(self.root.property("seen", "SubState"), "running")
        self.assertEqual(self.root.property("seen", "RunningRevision"), self.root.property("seen", "DesiredRevision"))
        self.assertEqual(self.root.property("seen", "LastError"), "")

    def test_a_reload_of_systemd_changes_no_state(self):
        for verb in ("daemon-reload", "daemon-reexec", "daemon-reload"):
            run(["systemctl", verb])
            self.assert_shown_running()
        self.root.stop("seen")
        self.assertEqual(self.root.property("seen", "State"), "stopped")

    def test_signals_of_somebody_who_is_not_systemd_change_nothing(self):
        run_as("mallory", [left4me.PYTHON, "-c", FORGER, server_unit("seen"), mount_unit("seen")])
        self.assert_shown_running()

    def test_a_server_that_ended_while_no_manager_ran_runs_nothing(self):
        run(["systemctl", "stop", "left4me-manager.service"])
        run(["systemctl", "stop", mount_unit("seen")])
        run(["systemctl", "start", "left4me-manager.service"])
        self.assertEqual(self.root.property("seen", "State"), "stopped")
        self.assertEqual(self.root.property("seen", "RunningRevision"), 0)

    def test_a_name_used_again_gets_the_new_identity(self):
        """Also when systemd had the old unit loaded, because an enabled one is referred to."""
        run(["systemctl", "daemon-reload"])
        self.root.delete_server("seen")
        self.root.make_server("other", "bp")
        self.root.make_server("seen", "bp")
        self.root.start("seen")
        users = {name: left4me.unit_property(server_unit(name), "User") for name in ("seen", "other")}
        self.assertNotEqual(users["seen"], users["other"])
        self.assert_answers("seen")

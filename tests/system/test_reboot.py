"""A reboot of the host: tools/check runs the first class, boots the machine again, and runs the second. Neither class
cleans up before the other has run."""
import left4me
from left4me import SystemTest


class BeforeReboot(SystemTest):
    def setUp(self):
        """Keeps what it makes for the time after the reboot."""

    def test_servers_are_started_one_of_them_only_for_now(self):
        left4me.clear(self.root)
        self.alice.make_overlay("base", {"left4dead2/maps/attic.bsp": "VBSP attic"})
        self.alice.make_blueprint("bp", ["base"], ["+map", "attic"])
        for name in ("enabled", "only-now", "stopped"):
            self.alice.make_server(name, "bp")
        self.alice.start("enabled")
        self.alice.verb("only-now", "Start", {"only-now": ["b", True]})
        self.alice.start("stopped")
        self.alice.stop("stopped")
        self.assert_answers("enabled", map="attic")


class AfterReboot(SystemTest):
    def test_exactly_the_enabled_servers_run_again_without_a_client(self):
        for name, state in (("enabled", "active"), ("only-now", "inactive"), ("stopped", "inactive")):
            self.assertEqual(left4me.unit_property(left4me.server_unit(name), "ActiveState"), state, name)
        self.assert_answers("enabled", map="attic")
        self.assertEqual(self.alice.property("enabled", "State"), "running")
        self.assertEqual(self.alice.property("only-now", "State"), "stopped")
        self.alice.stop("enabled")
        self.assert_down("enabled")

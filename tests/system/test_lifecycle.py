"""One server from its definition to nothing: composed, started, asked, changed, stopped, discarded."""
import os
import pathlib

import left4me
from left4me import SystemTest, main_pid, mounts, rcon, run, server_unit, unit_property


class Lifecycle(SystemTest):
    def make(self, name="one", port=27015):
        self.alice.make_overlay("maps", {"left4dead2/maps/attic.bsp": "VBSP attic",
                                         "left4dead2/cfg/server.cfg": 'hostname "from maps"\nsv_tags maps\n'})
        self.alice.make_overlay("plugins", {"left4dead2/addons/metamod.vdf": "plugin",
                                            "left4dead2/cfg/server.cfg": 'hostname "from plugins"\nmp_x plugins\n'})
        self.alice.make_blueprint("coop", ["plugins", "maps"], ["+map", "attic", "-maxplayers", "12"],
                                  ["sv_tags blueprint"])
        self.alice.make_server(name, "coop", port=["q", port])

    def test_a_started_server_answers_with_the_map_that_only_an_overlay_has(self):
        self.make()
        self.assertEqual(self.alice.property("one", "State"), "stopped")
        self.alice.start("one")
        self.assertEqual(self.alice.property("one", "State"), "running")
        self.assert_answers("one", map="attic", folder="left4dead2", max_players=12)
        self.assertEqual(self.alice.property("one", "RunningRevision"), self.alice.property("one", "DesiredRevision"))
        self.alice.stop("one")
        self.assertEqual(self.alice.property("one", "State"), "stopped")
        self.assertEqual(self.alice.property("one", "RunningRevision"), 0)
        self.assert_down("one")

    def test_first_overlay_wins_and_the_blueprint_beats_all(self):
        self.make()
        self.alice.start("one")
        self.assert_answers("one", name="from plugins")
        self.assertIn('"sv_tags" = "blueprint"', rcon("one", "sv_tags", self.root))
        self.assertIn('"mp_x" = "plugins"', rcon("one", "mp_x", self.root))
        listing = rcon("one", "standin_ls left4dead2/maps", self.root).split()
        self.assertEqual(listing, sorted(listing))
        self.assertTrue({"attic.bsp", "c1m1_hotel.bsp"} <= set(listing), listing)
        self.assertEqual(rcon("one", "standin_cat left4dead2/addons/metamod.vdf", self.root), "plugin")

    def test_the_game_runs_as_its_own_user_and_sees_its_files_as_its_own(self):
        self.make()
        self.alice.start("one")
        uid = os.stat(f"/proc/{main_pid('one')}").st_uid
        self.assertTrue(1880000000 <= uid <= 1880009999, uid)
        self.assertNotEqual(uid, os.stat("/var/lib/left4me/repo").st_uid)
        self.assertIn("cwd /opt/l4d2", rcon("one", "standin_id", self.root))
        self.assertIn("wrote", rcon("one", "standin_write left4dead2/save.dat kept", self.root))
        self.assertNotIn("home", rcon("one", "standin_ls /", self.root).split())

    def test_what_it_wrote_survives_a_restart_and_goes_with_a_reset(self):
        self.make()
        self.alice.start("one")
        rcon("one", "standin_write left4dead2/save.dat kept", self.root)
        self.alice.restart("one")
        self.assert_answers("one")
        self.assertEqual(rcon("one", "standin_cat left4dead2/save.dat", self.root), "kept")
        self.alice.verb("one", "Reset")
        self.assert_down("one")
        self.alice.start("one")
        self.assert_answers("one")
        self.assertIn("No such file", rcon("one", "standin_cat left4dead2/save.dat", self.root))

    def test_a_change_of_an_overlay_is_drift_until_the_restart(self):
        self.make()
        self.alice.start("one")
        running = self.alice.property("one", "RunningRevision")
        self.alice.edit(self.alice.overlay("maps"), {"left4dead2/new.txt": "new"})
        self.assertGreater(self.alice.property("one", "DesiredRevision"), running)
        self.assertEqual(self.alice.property("one", "RunningRevision"), running)
        self.assert_answers("one")
        self.assertIn("No such file", rcon("one", "standin_cat left4dead2/new.txt", self.root))
        self.alice.restart("one")
        self.assert_answers("one")
        self.assertEqual(rcon("one", "standin_cat left4dead2/new.txt", self.root), "new")
        self.assertEqual(self.alice.property("one", "RunningRevision"), self.alice.property("one", "DesiredRevision"))

    def test_two_servers_of_one_game_do_not_see_each_other(self):
        self.make()
        self.alice.make_blueprint("plain", [], ["+map", "c1m1_hotel"])
        self.alice.make_server("two", "plain", port=["q", 27016])
        self.alice.start("one")
        self.alice.start("two")
        self.assert_answers("one", map="attic")
        self.assert_answers("two", map="c1m1_hotel")
        rcon("one", "standin_write left4dead2/mine.txt mine", self.root)
        self.assertIn("No such file", rcon("two", "standin_cat left4dead2/mine.txt", self.root))
        self.assertNotEqual(os.stat(f"/proc/{main_pid('one')}").st_uid, os.stat(f"/proc/{main_pid('two')}").st_uid)

    def test_systemctl_by_hand_is_seen_and_takes_a_fresh_plan(self):
        self.make()
        run(["systemctl", "start", server_unit("one")])
        self.assert_answers("one", map="attic")
        self.assertEqual(self.alice.property("one", "State"), "running")
        self.alice.edit(self.alice.overlay("maps"), {"left4dead2/new.txt": "new"})
        run(["systemctl", "restart", server_unit("one")])
        self.assert_answers("one")
        self.assertEqual(rcon("one", "standin_cat left4dead2/new.txt", self.root), "new")
        run(["systemctl", "stop", server_unit("one")])
        left4me.eventually(lambda: not mounts("one"), "the tree of a server stopped by hand is unmounted")
        left4me.eventually(lambda: self.alice.property("one", "State") == "stopped", "the manager saw the stop")

    def test_a_crash_is_survived_and_a_crash_loop_is_reported(self):
        self.make()
        self.alice.start("one")
        self.assert_answers("one")
        rcon("one", "standin_crash", self.root)
        left4me.eventually(lambda: int(unit_property(server_unit("one"), "NRestarts")) == 1, "it was restarted")
        self.assert_answers("one")
        self.alice.call(self.alice.blueprint("coop"), "org.left4me.Blueprint", "Update", "a{sv}a{sv}",
                        {"config": ["as", ["standin_crash"]]}, {})
        self.alice.call(self.alice.server("one"), "org.left4me.Server", "Restart", "a{sv}", {})
        left4me.eventually(lambda: self.alice.property("one", "State") == "failed", "a crash loop ends", 90)
        self.assertIn("signal 11", self.alice.property("one", "LastError"))
        left4me.eventually(lambda: not mounts("one"), "its tree is unmounted")

    def test_a_game_deaf_to_its_stop_signal_is_killed(self):
        self.make()
        self.alice.start("one")
        self.assert_answers("one")
        pid = main_pid("one")
        with self.assertRaises(OSError):
            left4me.query.rcon("127.0.0.1", 27015, left4me.rcon_password("one"), "standin_hang", timeout=1)
        self.alice.stop("one")
        self.assert_down("one")
        self.assertFalse(pathlib.Path(f"/proc/{pid}").exists())

    def test_delete_leaves_nothing_of_the_server(self):
        self.make()
        self.alice.start("one")
        self.alice.delete_server("one")
        self.assert_down("one")
        self.refused("NoSuchServer", self.alice.server, "one")
        remains = [str(p) for top in ("/var/lib/left4me/servers", "/run/left4me/servers", "/run/left4me/launch",
                                      "/run/left4me/plans", "/etc/systemd/system")
                   for p in pathlib.Path(top).glob("*one*")]
        self.assertEqual(remains, [])

    def test_the_log_of_a_game_is_in_its_own_journal(self):
        self.make()
        self.alice.start("one")
        self.assert_answers("one")
        log = run(["journalctl", "--namespace=left4me", "-u", server_unit("one"), "-o", "cat"]).stdout
        self.assertIn("Connection to Steam servers successful", log)

    def test_no_secret_is_on_the_command_line_or_on_the_bus(self):
        self.make()
        self.alice.start("one")
        self.assert_answers("one")
        password = left4me.rcon_password("one")
        self.assertNotIn(password, pathlib.Path(f"/proc/{main_pid('one')}/cmdline").read_text())
        self.assertNotIn(password, run(["systemctl", "show", server_unit("one")]).stdout)
        plan = self.alice.call(self.alice.server("one"), "org.left4me.Server", "GetPlan", "a{sv}", {})
        self.assertNotIn(password, str(plan))

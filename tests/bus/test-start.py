#!/usr/bin/python3
"""What the manager needs to start, what it says when that is not there, and what it does when its disk is full."""
import os
import sqlite3

from gi.repository import GLib

from world import DATABASE, DENIED, INVALID, MANAGER, STATE, World, blueprint, main, overlay, server, wait

LOG_PATH = "/org/freedesktop/LogControl1"
LOG = "org.freedesktop.LogControl1"
PROPERTIES = "org.freedesktop.DBus.Properties"


class Refusals(World):
    start_manager = False

    def test_a_database_of_a_newer_left4me_is_refused_and_untouched(self):
        with sqlite3.connect(DATABASE) as database:
            database.execute("PRAGMA user_version = 99")
            database.execute("CREATE TABLE future (x)")
        database.close()
        before = DATABASE.read_bytes()
        output = self.expect_no_start()
        self.assertIn("schema 99", output)
        self.assertEqual(DATABASE.read_bytes(), before)

    def test_a_damaged_database_is_refused_with_a_clear_message(self):
        self.start()
        self.make_server()
        self.manager.end()
        content = bytearray(DATABASE.read_bytes())
        for page in range(2, len(content) // 4096):
            content[page * 4096:(page + 1) * 4096] = b"\xa5" * 4096
        DATABASE.write_bytes(content)
        self.assertIn("database is damaged", self.expect_no_start())
        DATABASE.write_bytes(b"no database at all, but long enough to be read as one" * 100)
        self.assertIn("not a database", self.expect_no_start())

    def test_settings_that_make_no_sense_are_refused_with_their_place(self):
        with open("/etc/left4me/manager.yaml", "w", encoding="utf-8") as settings:
            settings.write("# fine\nport-range: from here to there\n")
        output = self.expect_no_start()
        self.assertIn("/etc/left4me/manager.yaml", output)
        self.assertIn("line 2", output)

    def test_without_systemd_there_is_no_start(self):
        self.systemd.close()
        self.assertIn("systemd", self.expect_no_start())

    def test_a_second_manager_does_not_start(self):
        self.start()
        self.make_server()
        first = self.manager
        self.assertIn("locked", self.expect_no_start())
        self.manager = first
        self.assertEqual(self.root.call(MANAGER, "GetServer", "(s)", "alpha"), server("alpha"))

    def test_the_database_and_what_is_secret_are_roots(self):
        self.start()
        self.make_server()
        self.assertEqual(os.stat(DATABASE).st_mode & 0o7777, 0o600)


class FullDisk(World):
    state_size = "512k"

    def fill(self):
        with open(STATE / "ballast", "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(b"x" * 4096)
            except OSError:
                pass

    def restart_full(self):
        """SQLite keeps the room of its journal while the manager runs; one that starts on a full disk has none."""
        self.assertEqual(self.manager.end()[0], 0)
        self.fill()
        self.start()

    def test_a_full_disk_is_said_and_nothing_is_half_done(self):
        self.make_server()
        managed = self.root.call("/org/left4me", "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
        self.restart_full()
        seen = self.root.subscribe()
        for call in ((MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {}),
                     (MANAGER, "CreateServer", "(ssa{sv})", "beta", "coop", {}),
                     (MANAGER, "CreateBlueprint", "(sa{sv}a{sv})", "duel", {"config": GLib.Variant("as", ["sv_a 1"])}, {}),
                     (MANAGER, "ApplySpec", "(ssa{sv})", "gamma", "port: 27030\n", {}),
                     (server("alpha"), "Start", "(a{sv})", {}),
                     (server("alpha"), "SetPort", "(qa{sv})", 27040, {}),
                     (blueprint("coop"), "Update", "(a{sv}a{sv})", {"config": GLib.Variant("as", ["sv_a 1"])}, {})):
            with self.subTest(call[1]):
                if call[1] == "Start":
                    self.refused("NotInstalled", self.root.call, *call)
                    continue
                with self.assertRaises(Exception) as caught:
                    self.root.call(*call)
                self.assertIn("full", str(caught.exception))
        self.assertEqual(self.root.call("/org/left4me", "org.freedesktop.DBus.ObjectManager.GetManagedObjects"), managed)
        self.assertEqual([s for s in seen if s[1] != "NameAcquired"], [])
        self.assertEqual(sorted(os.listdir("/etc/userdb")),
                         ["1880000000.group", "1880000000.user", "l4d2-0.group", "l4d2-0.user"])
        self.restart()
        self.assertEqual(self.root.call("/org/left4me", "org.freedesktop.DBus.ObjectManager.GetManagedObjects"), managed)
        (STATE / "ballast").unlink()
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {})

    def test_a_job_that_cannot_be_written_is_not_begun(self):
        self.make_server()
        self.restart_full()
        with self.assertRaises(Exception) as caught:
            self.root.call(server("alpha"), "Stop", "(a{sv})", {})
        self.assertIn("full", str(caught.exception))
        self.assertEqual(self.systemd.called("StopUnit"), [])
        self.assertEqual(self.root.get(MANAGER, "NJobs"), 0)

    def test_a_result_that_cannot_be_written_fails_the_import(self):
        self.root.call(MANAGER, "CreateOverlay", "(ssa{sv})", "maps", "files", {})
        runs = []
        self.systemd.on_store = runs.append
        job = self.root.call(overlay("maps"), "ImportPath", "(ssa{sv})", "new", "tar", {})
        wait(lambda: runs, "the store run")
        self.make_commit()
        self.fill()
        runs[0].write('{"result": {"commit": "%064x", "files": 1, "size": 4}}' % 1)
        runs[0].end()
        result, _, message = self.end_of(job)
        self.assertEqual(result, "failed")
        self.assertIn("full", message)
        self.assertEqual(self.root.get(overlay("maps"), "Generation"), 0)


class LogControl(World):
    def test_level_and_target_can_be_read_by_all_and_set_by_root(self):
        def get(caller, name):
            return caller.call(LOG_PATH, PROPERTIES + ".Get", "(ss)", LOG, name)

        def put(caller, name, value):
            caller.call(LOG_PATH, PROPERTIES + ".Set", "(ssv)", LOG, name, GLib.Variant("s", value))
        user = self.caller(1001)
        self.assertEqual(get(user, "LogLevel"), "info")
        self.assertEqual(get(user, "SyslogIdentifier"), "left4me-managerd")
        self.assertEqual(get(user, "LogTarget"), "console")
        for level in ("debug", "emerg", "info"):
            put(self.root, "LogLevel", level)
            self.assertEqual(get(user, "LogLevel"), level)
        self.refused(INVALID, put, self.root, "LogLevel", "loud")
        self.refused(INVALID, put, self.root, "LogTarget", "printer")
        self.refused(DENIED, put, user, "LogLevel", "debug")
        self.assertEqual(get(user, "LogLevel"), "info")


if __name__ == "__main__":
    main()

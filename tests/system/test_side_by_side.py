"""A caller who holds the store open and does nothing: nobody else notices, and nothing of it stays."""
import io
import os
import shutil
import tarfile
import tempfile
import time

import left4me
from left4me import SystemTest, unit_property

OVERLAY = "org.left4me.Overlay"
SERVER = "org.left4me.Server"
REPO = left4me.STATE_DIR / "repo"
WITHIN = 2.0  # seconds, for what a caller waits for


def cut_archive():
    """The first half of a tar file."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        info = tarfile.TarInfo("left4dead2/maps/endless.bsp")
        info.size = 40000
        archive.addfile(info, io.BytesIO(os.urandom(info.size)))
    return whole.getvalue()[:20000]


def staged():
    """Transactions that runs have begun and not ended."""
    return {entry.name for entry in (REPO / "tmp").iterdir() if entry.name.startswith("staging")}


class SideBySide(SystemTest):
    def setUp(self):
        super().setUp()
        self.root.make_overlay("base", {"left4dead2/maps/attic.bsp": "VBSP attic"})
        self.root.make_blueprint("bp", ["base"])
        self.root.make_server("played", "bp")
        self.root.make_server("other", "bp")

    def hold_open(self, caller, name):
        """An import that got half of its archive; the job, and the pipe's end."""
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        os.chmod(directory, 0o755)
        fifo = f"{directory}/fifo"
        os.mkfifo(fifo)
        os.chmod(fifo, 0o644)
        pipe = os.open(fifo, os.O_RDWR)
        self.addCleanup(os.close, pipe)
        os.write(pipe, cut_archive())
        before = staged()
        overlay = caller.manager("CreateOverlay", "ssa{sv}", name, "files", {})
        job = caller.call(overlay, OVERLAY, "Import", "hsa{sv}", [fifo, "r"], "tar", {})
        left4me.eventually(lambda: staged() - before, "the import has begun")
        return overlay, job

    @staticmethod
    def unit(job):
        """sd_bus_path_encode(3) writes the first digit as _XX."""
        name = job.rpartition("/")[2]
        return f"left4me-store-{chr(int(name[1:3], 16))}{name[3:]}.service"

    def quickly(self, what, function, *arguments):
        began = time.monotonic()
        result = function(*arguments)
        self.assertLess(time.monotonic() - began, WITHIN, what)
        return result

    def test_an_import_from_a_silent_pipe_holds_up_nobody(self):
        self.root.start("played")
        overlay, job = self.hold_open(self.alice, "endless")
        self.assertEqual(unit_property(self.unit(job), "ActiveState"), "active")
        mine = self.bob.manager("CreateOverlay", "ssa{sv}", "mine", "files", {})
        self.quickly("a write", self.bob.call, mine, OVERLAY, "WriteFile", "saya{sv}", "left4dead2/cfg/a.cfg",
                     "echo a\n", {})
        self.quickly("a second write", self.bob.call, mine, OVERLAY, "WriteFile", "saya{sv}", "left4dead2/cfg/b.cfg",
                     "echo b\n", {})
        self.quickly("a roll-back", lambda: self.bob.wait(
            self.bob.call(mine, OVERLAY, "Rollback", "ua{sv}", 1, {})))
        self.quickly("a start", self.bob.start, "other")
        self.bob.stop("played")
        self.quickly("a reset", self.bob.verb, "played", "Reset")
        self.assert_answers("other")
        self.assertEqual(self.alice.get(job, "Job", "State"), "running")
        self.alice.call(job, "org.left4me.Job", "Cancel", "a{sv}", {})
        self.assertEqual(self.alice.call(job, "org.left4me.Job", "Wait", "ta{sv}", 20000000, {})[0], "cancelled")
        self.assertEqual(unit_property(self.unit(job), "ActiveState"), "inactive")
        self.assertEqual(self.alice.get(overlay, "Overlay", "Generation"), 0)
        self.assertFalse((REPO / "refs/heads/overlay/endless").exists())
        self.assertEqual(staged(), set())
        self.assertEqual(list((left4me.STATE_DIR / "trash").iterdir()), [])
        self.assertEqual([p for p in (left4me.STATE_DIR / "checkouts").iterdir() if p.name.startswith(".")], [])

    def test_a_prune_waits_and_holds_up_nobody(self):
        _, job = self.hold_open(self.alice, "endless")
        prune = self.root.manager("PruneStore", "a{sv}", {})
        mine = self.bob.manager("CreateOverlay", "ssa{sv}", "mine", "files", {})
        self.quickly("a write", self.bob.call, mine, OVERLAY, "WriteFile", "saya{sv}", "left4dead2/cfg/a.cfg",
                     "echo a\n", {})
        self.assertEqual(self.root.get(prune, "Job", "State"), "running")
        self.assertNotEqual(unit_property(self.unit(prune), "ActiveState"), "active")
        self.alice.call(job, "org.left4me.Job", "Cancel", "a{sv}", {})
        self.root.wait(prune)
        self.assertEqual(self.bob.get(mine, "Overlay", "Generation"), 1)

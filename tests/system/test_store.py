"""Stored content through the whole product: every way in and out, hostile archives, what is kept, freed and verified."""
import io
import os
import pathlib
import shutil
import stat
import tarfile
import tempfile
import threading

import left4me
from left4me import JobError, SystemTest, eventually, rcon, run, run_as

OVERLAY = "org.left4me.Overlay"
SPOOL = left4me.STATE_DIR / "spool"
REPO = left4me.STATE_DIR / "repo"
KEEP_GENERATIONS = 3


def tree_entries(top):
    """What a tree is to the store: path to (kind, content)."""
    found = {}
    for path in sorted(pathlib.Path(top).rglob("*")):
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("directory", None)
        else:
            found[name] = ("program" if path.stat().st_mode & 0o100 else "file", path.read_bytes())
    return found


def tar_entries(path):
    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name.removeprefix("./").rstrip("/")
            if member.issym():
                found[name] = ("link", member.linkname)
            elif member.isdir():
                found[name] = ("directory", None)
            else:
                found[name] = ("program" if member.mode & 0o100 else "file", archive.extractfile(member).read())
    found.pop(".", None)
    found.pop("", None)
    return found


def member(name, kind=tarfile.REGTYPE, link="", mode=0o644, data=b""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size = kind, link, mode, len(data)
    if kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
        info.devmajor, info.devminor = 1, 3
    return info, data


class Store(SystemTest):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="left4me-store.", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.directory.chmod(0o777)

    def overlay(self, name="content", caller=None):
        return (caller or self.alice).manager("CreateOverlay", "ssa{sv}", name, "files", {})

    def bring(self, overlay, source, kind, method="Import", caller=None, **options):
        caller = caller or self.alice
        source = [str(source), "r"] if method == "Import" else source
        job = caller.call(overlay, OVERLAY, method, "hsa{sv}" if method == "Import" else "ssa{sv}", source, kind, options)
        caller.wait(job)

    def generations(self, overlay):
        return self.root.call(overlay, OVERLAY, "ListGenerations", "a{sv}", {})

    def commit(self, overlay):
        return next(g[2]["commit"] for g in self.generations(overlay) if g[2]["current"])

    def make_tree(self, name="tree"):
        top = self.directory / name
        (top / "left4dead2/maps/deep/deeper").mkdir(parents=True)
        (top / "left4dead2/empty").mkdir()
        (top / "left4dead2/maps/attic.bsp").write_bytes(b"VBSP" + bytes(range(256)) * 300)
        (top / "left4dead2/maps/deep/deeper/with a space é.txt").write_text("a name")
        (top / "left4dead2/nothing").touch()
        (top / "run.sh").write_text("#!/bin/sh\n")
        (top / "run.sh").chmod(0o755)
        (top / "left4dead2/link.bsp").symlink_to("maps/attic.bsp")
        return top

    def tar(self, name, members):
        path = self.directory / name
        with tarfile.open(path, "w") as archive:
            for info, data in members:
                archive.addfile(info, io.BytesIO(data))
        return path

    def store_is_tidy(self):
        self.assertEqual(list((left4me.STATE_DIR / "trash").iterdir()), [])
        self.assertEqual([p.name for p in left4me.STATE_DIR.glob("checkouts/.*")], [])

    # In and out

    def test_every_way_in_makes_the_same_commit(self):
        top = self.make_tree()
        run(["tar", "-C", str(top), "-czf", str(self.directory / "tree.tgz"), "."])
        run(["zip", "-qry", str(self.directory / "tree.zip"), "."], cwd=top)
        secret = pathlib.Path("/home/alice/tree")
        shutil.copytree(top, secret, symlinks=True)
        self.addCleanup(shutil.rmtree, secret)
        run(["chown", "-R", "alice:", str(secret)])
        secret.chmod(0o700)
        for name in ("tree", "tree.tgz", "tree.zip"):
            target = SPOOL / name
            run(["cp", "-a", "--no-preserve=ownership", str(self.directory / name), str(target)])
            self.addCleanup(run, ["rm", "-rf", str(target)])
            run(["chown", "-R", "alice:left4me", str(target)])

        ways = {
            "by-directory": lambda o: self.bring(o, top, "directory"),
            "by-tar": lambda o: self.bring(o, self.directory / "tree.tgz", "tar"),
            "by-zip": lambda o: self.bring(o, self.directory / "tree.zip", "zip"),
            "path-directory": lambda o: self.bring(o, "tree", "directory", "ImportPath"),
            "path-tar": lambda o: self.bring(o, "tree.tgz", "tar", "ImportPath"),
            "path-zip": lambda o: self.bring(o, "tree.zip", "zip", "ImportPath"),
            "by-tool": lambda o: run_as("alice", ["left4mectl", "overlay", "import", "by-tool", str(secret)]),
        }
        commits = {}
        for name, way in ways.items():
            overlay = self.overlay(name)
            way(overlay)
            commits[name] = self.commit(overlay)
            entries = tree_entries(left4me.STATE_DIR / "checkouts" / commits[name])
            self.assertEqual(entries, tree_entries(top), name)
        self.assertEqual(len(set(commits.values())), 1, commits)

    def test_an_export_comes_back_as_the_same_commit(self):
        top = self.make_tree()
        overlay = self.overlay()
        self.bring(overlay, top, "directory")
        target = self.directory / "out.tar"
        self.alice.wait(self.alice.call(overlay, OVERLAY, "Export", "ha{sv}", [str(target), "w"], {}))
        self.assertEqual(tar_entries(target), tree_entries(top))
        again = self.overlay("again")
        self.bring(again, target, "tar")
        self.assertEqual(self.commit(again), self.commit(overlay))

        self.addCleanup((SPOOL / "out.tar").unlink, missing_ok=True)
        self.alice.wait(self.alice.call(overlay, OVERLAY, "ExportPath", "sa{sv}", "out.tar", {}))
        self.assertEqual(run_as("alice", ["sha256sum", str(SPOOL / "out.tar")]).stdout.split()[0],
                         run(["sha256sum", str(target)]).stdout.split()[0])
        third = self.overlay("third")
        self.bring(third, "out.tar", "tar", "ImportPath")
        self.assertEqual(self.commit(third), self.commit(overlay))
        with self.assertRaises(JobError) as caught:
            self.alice.wait(self.alice.call(overlay, OVERLAY, "ExportPath", "sa{sv}", "out.tar", {}))
        self.assertIn("out.tar", caught.exception.message)

    def test_a_merge_lays_over_and_a_plain_import_replaces(self):
        overlay = self.overlay()
        self.bring(overlay, self.tar("a.tar", [member("kept", data=b"1"), member("both", data=b"1")]), "tar")
        self.bring(overlay, self.tar("b.tar", [member("both", data=b"2")]), "tar", merge=["b", True])
        merged = tree_entries(left4me.STATE_DIR / "checkouts" / self.commit(overlay))
        self.assertEqual(merged, {"kept": ("file", b"1"), "both": ("file", b"2")})
        self.bring(overlay, self.directory / "b.tar", "tar")
        self.assertEqual(set(tree_entries(left4me.STATE_DIR / "checkouts" / self.commit(overlay))), {"both"})

    def test_large_directories_are_listed_by_pages(self):
        names = [f"file{i:04}" for i in range(700)]
        overlay = self.overlay()
        self.bring(overlay, self.tar("many.tar", [member(f"d/{n}", data=n.encode()) for n in names]), "tar")
        found, cursor, pages = [], "", 0
        while True:
            entries, cursor = self.alice.call(overlay, OVERLAY, "ListFiles", "ssa{sv}", "d", cursor, {})
            self.assertLessEqual(len(entries), 256)
            found += [entry[0] for entry in entries]
            pages += 1
            if not cursor:
                break
        self.assertEqual(found, names)
        self.assertEqual(pages, 3)
        self.refused("FileNotFound", self.alice.call, overlay, OVERLAY, "ListFiles", "ssa{sv}", "nowhere", "", {})

    def test_a_file_is_read_by_parts_and_by_descriptor(self):
        data = os.urandom(1 << 20) + b"tail"
        overlay = self.overlay()
        self.bring(overlay, self.tar("big.tar", [member("big", data=data)]), "tar")
        read = b""
        while True:
            part = self.alice.call(overlay, OVERLAY, "ReadFile", "stua{sv}", "big", len(read), 400000, {})
            read += part.encode("latin-1")
            if len(part) < 400000:
                break
        self.assertEqual(read, data)
        opened = self.alice.call(overlay, OVERLAY, "OpenFile", "sa{sv}", "big", {})
        self.assertEqual(opened.encode("latin-1"), data)
        for path in ("../../manager.db", "/etc/shadow", "big/../../x", ""):
            self.refused({"InvalidArgs", "FileNotFound"}, self.alice.call, overlay, OVERLAY, "OpenFile", "sa{sv}", path, {})

    # Hostile content

    def test_hostile_archives_fail_by_name_and_change_nothing(self):
        overlay = self.overlay()
        self.bring(overlay, self.tar("good.tar", [member("good", data=b"good")]), "tar")
        before = self.generations(overlay)
        hostile = {
            "dir/device": member("dir/device", tarfile.CHRTYPE),
            "dir/disk": member("dir/disk", tarfile.BLKTYPE),
            "dir/fifo": member("dir/fifo", tarfile.FIFOTYPE),
            "dir/setuid": member("dir/setuid", mode=0o4755, data=b"x"),
            "dir/setgid": member("dir/setgid", mode=0o2755, data=b"x"),
            "dir/climbs": member("dir/climbs", tarfile.SYMTYPE, "../../etc/shadow"),
            "dir/absolute-link": member("dir/absolute-link", tarfile.SYMTYPE, "/etc/shadow"),
            "dir/hard": member("dir/hard", tarfile.LNKTYPE, "../../etc/shadow"),
            "dir/.wh.file": member("dir/.wh.file"),
            "/etc/absolute": member("/etc/absolute", data=b"x"),
            "dir/../../up": member("dir/../../up", data=b"x"),
        }
        for name, entry in hostile.items():
            with self.subTest(entry=name):
                path = self.tar("hostile.tar", [member("first", data=b"first"), entry, member("last", data=b"last")])
                with self.assertRaises(JobError) as caught:
                    self.bring(overlay, path, "tar")
                self.assertEqual(caught.exception.short, "InvalidContent")
                self.assertIn(name, caught.exception.message)
                self.assertEqual(self.generations(overlay), before)
        through = [member("dir", tarfile.SYMTYPE, "."), member("dir/file", data=b"x")]
        with self.assertRaises(JobError):
            self.bring(overlay, self.tar("through.tar", through), "tar")
        self.assertEqual(self.generations(overlay), before)
        self.store_is_tidy()

    def test_what_is_no_archive_fails(self):
        overlay = self.overlay()
        whole = self.tar("whole.tar", [member("file", data=b"x" * 100000)]).read_bytes()
        (self.directory / "cut.tar").write_bytes(whole[:50000])
        (self.directory / "noise").write_bytes(os.urandom(20000))
        for name, kind in (("cut.tar", "tar"), ("noise", "tar"), ("noise", "zip"), ("cut.tar", "zip")):
            with self.subTest(name=name, kind=kind), self.assertRaises(JobError) as caught:
                self.bring(overlay, self.directory / name, kind)
            self.assertEqual(caught.exception.short, "InvalidContent")
        self.assertEqual(self.generations(overlay), [])

    def test_a_directory_with_a_device_or_a_secret_link_fails(self):
        overlay = self.overlay()
        top = self.make_tree()
        os.mknod(top / "left4dead2/zero", 0o644 | stat.S_IFCHR, os.makedev(1, 5))
        with self.assertRaises(JobError) as caught:
            self.bring(overlay, top, "directory")
        self.assertIn("left4dead2/zero", caught.exception.message)
        (top / "left4dead2/zero").unlink()
        (top / "left4dead2/shadow").symlink_to("/etc/shadow")
        with self.assertRaises(JobError) as caught:
            self.bring(overlay, top, "directory")
        self.assertIn("left4dead2/shadow", caught.exception.message)
        self.assertEqual(self.generations(overlay), [])

    def test_a_path_leads_nowhere_but_below_the_spool(self):
        overlay = self.overlay()
        link = SPOOL / "link"
        link.symlink_to("/etc")
        self.addCleanup(link.unlink)
        for path in ("../manager.db", "/etc", "link", "link/ssl", "a/../../repo"):
            with self.subTest(path=path), self.assertRaises(left4me.BusError):
                self.bring(overlay, path, "directory", "ImportPath")
        self.assertEqual(self.generations(overlay), [])

    # Cancelled, freed, verified

    def test_a_cancelled_import_leaves_nothing_and_the_next_one_works(self):
        overlay = self.overlay()
        self.bring(overlay, self.tar("good.tar", [member("good", data=b"good")]), "tar")
        before = self.generations(overlay)
        temporary = sorted(os.listdir(REPO / "tmp"))
        pipe = self.directory / "pipe"
        os.mkfifo(pipe)
        pipe.chmod(0o644)
        large = self.tar("large.tar", [member("large", data=os.urandom(4 << 20))])
        end = os.open(pipe, os.O_RDWR)
        try:
            job = self.alice.call(overlay, OVERLAY, "Import", "hsa{sv}", [str(pipe), "r"], "tar", {})

            def feed():
                with open(large, "rb") as source, open(end, "wb", closefd=False) as sink:
                    try:
                        sink.write(source.read(3 << 20))  # and no more: the import waits for the rest
                    except BrokenPipeError:
                        pass

            feeder = threading.Thread(target=feed)
            feeder.start()
            eventually(lambda: self.alice.get(job, "Job", "BytesDone") > 0, "the import reads")
            feeder.join()
            self.alice.call(job, "org.left4me.Job", "Cancel", "a{sv}", {})
            result, error, _ = self.alice.call(job, "org.left4me.Job", "Wait", "ta{sv}", 30_000_000, {})
        finally:
            os.close(end)
        self.assertEqual((result, error), ("cancelled", "org.left4me.Error.Cancelled"))
        self.assertEqual(self.generations(overlay), before)
        self.assertEqual(sorted(os.listdir(REPO / "tmp")), temporary)
        self.store_is_tidy()
        self.bring(overlay, large, "tar")
        self.assertEqual(set(tree_entries(left4me.STATE_DIR / "checkouts" / self.commit(overlay))), {"large"})

    def test_a_prune_frees_what_is_old_and_nothing_that_a_game_uses(self):
        overlay = self.overlay("maps")
        ballast = os.urandom(2 << 20)

        def rewrite(number):
            files = [member("left4dead2/maps/attic.bsp", data=b"VBSP attic %d" % number),
                     member("left4dead2/number.txt", data=b"%d" % number),
                     member("left4dead2/ballast", data=ballast + b"%d" % number)]
            self.bring(overlay, self.tar("next.tar", files), "tar")

        rewrite(1)
        first = self.commit(overlay)
        self.alice.make_blueprint("bp", ["maps"], ["+map", "attic"])
        self.alice.make_server("one", "bp")
        self.alice.start("one")
        self.assert_answers("one", map="attic")
        self.alice.make_server("two", "bp")  # layers that two servers share
        self.alice.start("two")
        for number in range(2, KEEP_GENERATIONS + 4):
            rewrite(number)
        self.root.wait(self.root.manager("PruneStore", "a{sv}", {}))
        self.assertEqual(len(self.generations(overlay)), KEEP_GENERATIONS)
        self.assertNotIn(first, [g[2]["commit"] for g in self.generations(overlay)])
        # Not read before the prune, so nothing but the store can have kept it.
        self.assertEqual(rcon("one", "standin_cat left4dead2/number.txt", self.root), "1")
        self.root.wait(self.root.manager("VerifyStore", "a{sv}", {}))
        old = left4me.STATE_DIR / "checkouts" / first / "left4dead2/ballast"
        self.assertTrue(old.exists())
        inode = old.stat().st_ino
        self.alice.stop("two")
        self.alice.restart("one")
        self.assert_answers("one")
        self.assertEqual(rcon("one", "standin_cat left4dead2/number.txt", self.root), str(KEEP_GENERATIONS + 3))
        self.root.wait(self.root.manager("PruneStore", "a{sv}", {}))
        self.assertFalse(old.exists())
        self.assertNotIn(inode, {p.stat().st_ino for p in (REPO / "objects").glob("*/*.file")})
        self.store_is_tidy()

    def test_verify_names_a_flipped_byte(self):
        overlay = self.overlay()
        self.bring(overlay, self.tar("good.tar", [member("dir/victim", data=b"all is well" * 1000)]), "tar")
        self.root.wait(self.root.manager("VerifyStore", "a{sv}", {}))
        inode = (left4me.STATE_DIR / "checkouts" / self.commit(overlay) / "dir/victim").stat().st_ino
        victim = next(p for p in (REPO / "objects").glob("*/*.file") if p.lstat().st_ino == inode)

        def flip():
            with open(victim, "r+b") as file:
                file.seek(1000)
                byte = file.read(1)[0]
                file.seek(1000)
                file.write(bytes([byte ^ 1]))

        flip()
        try:
            with self.assertRaises(JobError) as caught:
                self.root.wait(self.root.manager("VerifyStore", "a{sv}", {}))
        finally:
            flip()
        self.assertEqual(caught.exception.short, "StoreFailed")
        self.assertIn("overlay/content/1", caught.exception.message)
        self.assertIn(victim.parent.name + victim.stem, caught.exception.message)
        self.root.wait(self.root.manager("VerifyStore", "a{sv}", {}))

    def test_a_deleted_overlay_frees_its_generations(self):
        overlay = self.overlay()
        trees = []
        for number in range(2):
            data = os.urandom(1 << 20)
            self.bring(overlay, self.tar("next.tar", [member("large", data=data)]), "tar")
            trees.append(left4me.STATE_DIR / "checkouts" / self.commit(overlay))
        inode = (trees[1] / "large").stat().st_ino
        self.alice.call(overlay, OVERLAY, "Delete", "a{sv}", {})
        self.root.wait(self.root.manager("PruneStore", "a{sv}", {}))
        self.assertEqual([t for t in trees if t.exists()], [])
        self.assertNotIn(inode, {p.stat().st_ino for p in (REPO / "objects").glob("*/*.file")})
        self.assertEqual(list((REPO / "refs/heads").glob("overlay/content/*")), [])
        self.store_is_tidy()

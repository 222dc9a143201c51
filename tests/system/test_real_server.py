"""A real dedicated server from Debian's archive (Teeworlds), composed with a real map from an overlay and asked over its
own protocol. The installation's srcds_run only translates the command line."""
import os
import pathlib
import shutil
import socket

import left4me
from left4me import SystemTest, eventually

SOURCE = pathlib.Path("/usr/share/games/teeworlds/data/maps/ctf5.map")
MAP = "only-in-the-overlay"
WRAPPER = """#!/bin/sh
# Stands where the game's own start script would: port and map are translated, the rest means nothing to Teeworlds.
port=8303 map=dm1
while [ $# -gt 0 ]; do
        case $1 in
        -port) port=$2; shift ;;
        +map) map=$2; shift ;;
        esac
        shift
done
cd "$(dirname "$0")" || exit 1
exec ./teeworlds-server "sv_port $port; sv_map $map; sv_register 0; sv_name left4me"
"""
CONTROL, CONNLESS, TOKEN = 0x04, 0x21, 0x05


def teeworlds_info(port, timeout=1.0):
    """version, name, host name, map and game type, by the 0.7 protocol: a token first, then the question."""
    mine = os.urandom(4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(timeout)
        udp.connect(("127.0.0.1", port))
        # The request is padded, so that nobody can use a server to flood a third party.
        udp.send(bytes([CONTROL, 0, 0]) + b"\xff" * 4 + bytes([TOKEN]) + mine + bytes(508))
        answer = udp.recv(2048)
        if answer[3:7] != mine or answer[7] != TOKEN:
            raise ValueError(answer)
        udp.send(bytes([CONNLESS]) + answer[8:12] + mine + b"\xff\xff\xff\xffgie3\x01")
        answer = udp.recv(2048)
        if answer[9:17] != b"\xff\xff\xff\xffinf3":
            raise ValueError(answer)
        fields = answer[18:].split(b"\0")
        return dict(zip(("version", "name", "host", "map", "type"), (f.decode() for f in fields)))


class RealServer(SystemTest):
    def setUp(self):
        tree = pathlib.Path("/srv/teeworlds")
        shutil.rmtree(tree, ignore_errors=True)
        (tree / "left4dead2/cfg").mkdir(parents=True)
        shutil.copy2("/usr/games/teeworlds-server", tree / "teeworlds-server")
        (tree / "srcds_run").write_text(WRAPPER)
        (tree / "srcds_run").chmod(0o755)
        generation = self.root.get(left4me.INSTALLATION, "Installation", "Generation")
        self.root.import_game(tree)
        self.addCleanup(self.back_to, generation)
        super().setUp()

    def back_to(self, generation):
        self.root.wait(self.root.call(left4me.INSTALLATION, "org.left4me.Installation", "Rollback", "ua{sv}",
                                      generation, {}))

    def running_info(self, port):
        found = {}

        def asked():
            try:
                found.update(teeworlds_info(port))
            except OSError:
                return False
            return True
        eventually(asked, "the real server answers")
        return found

    def test_a_real_server_plays_the_map_that_only_the_overlay_has(self):
        content = pathlib.Path("/srv/content/maps")
        shutil.rmtree(content.parent, ignore_errors=True)
        content.mkdir(parents=True)
        shutil.copy2(SOURCE, content / f"{MAP}.map")
        self.alice.manager("CreateOverlay", "ssa{sv}", "real-map", "files", {})
        left4me.run_as("alice", ["left4mectl", "overlay", "import", "real-map", str(content.parent)])
        self.alice.make_blueprint("real", ["real-map"], ["+map", MAP])
        self.alice.make_server("real", "real")
        self.alice.start("real")
        found = self.running_info(self.alice.property("real", "Port"))
        self.assertEqual((found["map"], found["name"]), (MAP, "left4me"))
        self.alice.stop("real")
        self.assert_down("real")

    def test_without_the_overlay_it_fails_and_says_so(self):
        self.alice.make_blueprint("bare", [], ["+map", MAP])
        self.alice.make_server("bare", "bare")
        self.alice.call(self.root.server("bare"), "org.left4me.Server", "Start", "a{sv}", {})
        eventually(lambda: self.alice.property("bare", "State") == "failed", "it gives up", 90)
        self.assertNotEqual(self.alice.property("bare", "LastError"), "")

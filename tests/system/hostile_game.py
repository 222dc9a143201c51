#!/usr/bin/python3
"""A game that attacks its host. Runs as srcds_run of a server; tries what no game has a right to, writes how each
attempt ended to left4dead2/findings.json, and waits for its signal. test_hardening.py judges.
"""
import ctypes
import errno
import json
import mmap
import os
import platform
import signal
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X86_64 = platform.machine() == "x86_64"
AT_FDCWD = -100
# The newer ones have one number on every architecture.
CALLS = {"mount_setattr": 442, "open_tree": 428, "move_mount": 429, "fsopen": 430, "io_uring_setup": 425,
         "pidfd_getfd": 438, "clone3 into a user name space": 435}
CALLS_X86_64 = {"bpf": 321, "keyctl": 250, "add_key": 248, "userfaultfd": 323, "perf_event_open": 298, "ptrace": 101,
                "kexec_load": 246, "init_module": 175, "setns": 308, "unshare": 272, "mount": 165, "umount2": 166,
                "pivot_root": 155, "reboot": 169, "swapon": 167, "settimeofday": 164, "open_by_handle_at": 304,
                "quotactl": 179, "acct": 163, "syslog": 103, "io_setup": 206}
CALLS_I386 = {"bpf": 357, "keyctl": 288, "userfaultfd": 374, "ptrace": 26, "unshare": 310, "mount": 21, "reboot": 88,
              "io_uring_setup": 425, "init_module": 128, "setns": 346, "swapon": 87}
NEW_USER, NEW_MOUNT, NEW_NET, NEW_PID = 0x10000000, 0x20000, 0x40000000, 0x20000000
NO = ["EPERM", "EACCES", "ENOENT", "EROFS", "ENOSYS", "ESRCH"]


def outcome(attempt):
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "done"


def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_void_p(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), "")


def in_child(attempt):
    """How it ended in a process of its own, which it may have killed."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write_end, outcome(attempt).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    return text or f"signal {os.WTERMSIG(status)}"


def call_i386(number, *arguments):
    """A system call by the 32-bit entry, as a 32-bit program makes it: filters by number see another architecture."""
    code = (b"\x53"  # push rbx
            + b"\xb8" + struct.pack("<i", number)
            + b"".join(op + struct.pack("<i", a) for op, a in zip((b"\xbb", b"\xb9", b"\xba", b"\xbe"), arguments))
            + b"\xcd\x80"  # int 0x80
            + b"\x5b\xc3")
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    if result < 0:
        raise OSError(-result, "")


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def read(path):
    with open(path, "rb") as file:
        file.read(1)


def connect(address, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_UNIX, kind) as peer:
        peer.connect(address)


def bind(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", port))


def refused():
    """name: (outcomes that are right, what happened)."""
    found = {}

    def attempt(name, function, *arguments, right=None):
        found[name] = (right or NO, in_child(lambda: function(*arguments)))

    for path in ("/etc/shadow", "/etc/passwd", "/etc/left4me/manager.yaml", "/var/lib/left4me", "/var/lib/left4me/manager.db",
                 "/var/lib/left4me/repo", "/run/left4me", "/run/left4me/plans", "/root/.bashrc", "/home/alice",
                 "/proc/1/root/etc/shadow", "/proc/kcore", "/proc/sysrq-trigger", "/sys/kernel/security", "/dev/sda",
                 "/dev/kmsg", "/dev/mem", "/dev/fuse", "/dev/kvm", "/sys/fs/cgroup/cgroup.procs", "/srv/game",
                 "/run/systemd/private", "/run/credentials", "/run/log/journal"):
        attempt(f"read {path}", os.listdir if os.path.isdir(path) else read, path)
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/net/ipv4/ip_forward", "/proc/sysrq-trigger", "/usr/escaped",
                 "/etc/escaped", "/escaped", "/run/escaped", "/opt/escaped", "/sys/power/state",
                 "/run/left4me-launch/argv"):
        attempt(f"write {path}", write, path, "1")
    for name in ("/run/dbus/system_bus_socket", "/run/systemd/notify",
                 "/run/systemd/private", "/run/systemd/userdb/io.systemd.DynamicUser"):
        attempt(f"connect {name}", connect, name)
    for flag, name in ((NEW_USER, "user"), (NEW_MOUNT, "mount"), (NEW_NET, "net"), (NEW_PID, "pid")):
        attempt(f"unshare {name}", call, 272 if X86_64 else 97, flag)
    for name, number in {**CALLS, **(CALLS_X86_64 if X86_64 else {})}.items():
        attempt(name, call, number, NEW_USER if name == "unshare" else 0, 0, 0, 0, 0)
    if X86_64:
        for name, number in CALLS_I386.items():
            attempt(f"i386 {name}", call_i386, number, NEW_USER if name == "unshare" else 0, 0, 0, 0)
        attempt("personality", call, 135, 0x0008)  # PER_LINUX32
    attempt("packet socket", socket.socket, socket.AF_PACKET, socket.SOCK_RAW, right=[*NO, "EAFNOSUPPORT"])
    attempt("raw socket", socket.socket, socket.AF_INET, socket.SOCK_RAW, 1)
    attempt("vsock", socket.socket, 40, socket.SOCK_STREAM, right=[*NO, "EAFNOSUPPORT"])
    write("left4dead2/program", "")
    attempt("set-uid", os.chmod, "left4dead2/program", 0o4755)
    attempt("set-gid", os.chmod, "left4dead2/program", 0o2755)
    attempt("chown to root", os.chown, "left4dead2/program", 0, 0, right=[*NO, "EINVAL"])
    attempt("device", os.mknod, "left4dead2/device", 0o020666, os.makedev(1, 1))
    attempt("setuid", os.setuid, 0, right=[*NO, "EINVAL"])
    attempt("nice", os.setpriority, os.PRIO_PROCESS, 0, -20)
    attempt("realtime", os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))
    attempt("kill everybody", os.kill, 1 if os.getppid() != 1 else int(4e6), signal.SIGKILL)
    attempt("hostname", socket.sethostname, "escaped")
    return found


def processes():
    """pid to owner of all that is to be seen."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found[name] = os.stat(f"/proc/{name}").st_uid
            except OSError:
                pass
    return found


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read().strip()
    except OSError as error:
        return str(error)


def main():
    port = int(sys.argv[sys.argv.index("-port") + 1])
    with open("/proc/self/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    findings = {
        "control": {"own file": outcome(lambda: write("left4dead2/own", "x")), "own socket": outcome(lambda: bind(port)),
                    "fork": in_child(lambda: None),
                    "i386 getpid": in_child(lambda: call_i386(20)) if X86_64 else "done"},
        "bind": {"own": outcome(lambda: bind(port)), "other": outcome(lambda: bind(port + 1000))},
        "refused": refused(),
        "abstract": outcome(lambda: connect("\0left4me-test-host-socket")),
        "processes": processes(),
        "servers": sorted({comm(pid) for pid in processes()} - {"left4me-launch"}),
        "pid": os.getpid(),
        "status": {key: status[key] for key in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")},
        "root": os.listdir("/"), "opt": os.listdir("/opt"), "etc": os.listdir("/etc"),
    }
    write("left4dead2/findings.part", json.dumps(findings))
    os.rename("left4dead2/findings.part", "left4dead2/findings.json")
    signal.pause()


if __name__ == "__main__":
    main()

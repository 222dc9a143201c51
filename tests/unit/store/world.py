"""A state directory of its own for left4me-store: the process is re-executed in a private mount namespace, where
/var/lib and /run are empty, and the program runs there as an unprivileged user. Touches a temporary directory only."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

STATE = '/var/lib/left4me'
UID = 64991
ERROR = 'org.left4me.Error.'
INVALID_CONTENT = ERROR + 'InvalidContent'
QUOTA = ERROR + 'QuotaExceeded'
INVALID_ARGS = 'org.freedesktop.DBus.Error.InvalidArgs'
DIRECTORIES = {'repo': 0o700, 'checkouts': 0o750, 'trash': 0o700, 'servers': 0o700, 'spool': 0o2770}
PRIVATE = 'LEFT4ME_TEST_NAMESPACE'


def enter_namespace():
    """Starts this program again where its mounts are nobody else's."""
    if os.environ.get(PRIVATE):
        return
    os.environ[PRIVATE] = tempfile.mkdtemp(prefix='left4me-store-')
    flags = ['--mount', '--propagation', 'private']
    if os.geteuid() != 0:
        flags += ['--user', '--map-root-user']
    rc = subprocess.call(['unshare', *flags, '--', sys.executable, *sys.argv])
    subprocess.call(['chmod', '-R', 'u+rwX', os.environ[PRIVATE]])
    shutil.rmtree(os.environ[PRIVATE])
    sys.exit(rc)


def drop_rights():
    if PRIVILEGED:
        os.setgroups([])
        os.setgid(UID)
        os.setuid(UID)


def privileged():
    """Root of the host, not of a user namespace."""
    with open('/proc/self/uid_map', encoding='ascii') as f:
        return f.read().split() == ['0', '0', '4294967295']


PRIVILEGED = privileged()  # asked before the limits of a run can be in the way


def own(path):
    """Gives a tree to the user that the program runs as."""
    if privileged():
        subprocess.check_call(['chown', '-hR', f'{UID}:{UID}', path])
    return path


class Outcome:
    def __init__(self, rc, output, stderr):
        self.rc = rc
        self.lines = [json.loads(line) for line in output.splitlines()]
        self.stderr = stderr
        last = self.lines[-1] if self.lines else {}
        self.result = last.get('result')
        self.error = last.get('error')

    def __str__(self):
        return f'rc {self.rc}, last {self.result or self.error}, journal {self.stderr!r}'


class World:
    def __init__(self, program):
        self.base = os.environ[PRIVATE]
        os.chmod(self.base, 0o755)
        self.program = shutil.copy(program, os.path.join(self.base, 'left4me-store'))
        self.state = os.path.join(self.base, 'state')
        os.mkdir(self.state, 0o711)
        self.scratch = os.path.join(self.base, 'scratch')
        os.mkdir(self.scratch, 0o755)
        for target in ('/var/lib', '/run'):
            subprocess.check_call(['mount', '-t', 'tmpfs', 'tmpfs', target])
        os.mkdir(STATE)
        subprocess.check_call(['mount', '--bind', self.state, STATE])
        os.mkdir('/run/left4me-import')
        self.number = 0
        self.fresh()

    def fresh(self):
        """An empty store."""
        subprocess.call(['chmod', '-R', 'u+rwX', self.state])
        for name in os.listdir(STATE):
            shutil.rmtree(os.path.join(STATE, name))
        for name, mode in DIRECTORIES.items():
            path = os.path.join(STATE, name)
            os.mkdir(path)
            own(path)
            os.chmod(path, mode)

    def path(self, *parts):
        return os.path.join(STATE, *parts)

    def new(self, name=''):
        """A path that does not exist yet, outside of the state."""
        self.number += 1
        return os.path.join(self.scratch, f'{self.number}{name}')

    def start(self, request, stdin=subprocess.DEVNULL, preexec=None):
        text = request if isinstance(request, bytes) else json.dumps(request).encode()
        credentials = self.new()
        os.mkdir(credentials)
        with open(os.path.join(credentials, 'request'), 'wb') as f:
            f.write(text)
        self.output = self.new('.output')
        environment = {'CREDENTIALS_DIRECTORY': credentials, 'PATH': '/usr/bin:/bin'}
        for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'):
            if name in os.environ:
                environment[name] = os.environ[name]

        def prepare():
            drop_rights()
            if preexec:
                preexec()

        with open(self.output, 'wb') as out:
            return subprocess.Popen([self.program], stdin=stdin, stdout=out, stderr=subprocess.PIPE, env=environment,
                                    preexec_fn=prepare)

    def finish(self, process, warnings=False):
        try:
            stderr = process.communicate(timeout=120)[1].decode()
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        with open(self.output, encoding='utf-8') as f:
            outcome = Outcome(process.returncode, f.read(), stderr)
        # Libraries may complain where system calls are made to fail: libostree does when it cannot open repo/.lock.
        for bad in ('Sanitizer', 'runtime error') + (() if warnings else ('CRITICAL', 'WARNING')):
            if bad in stderr:
                raise AssertionError(stderr)
        return outcome

    def run(self, request, stdin=subprocess.DEVNULL, preexec=None, warnings=False):
        return self.finish(self.start(request, stdin, preexec), warnings)

    def imported(self, source, fmt, ref='overlay/a/1', **more):
        """Imports from a path (opened here) or a descriptor."""
        request = {'op': 'import', 'ref': ref, 'format': fmt, 'source': 'stdin', 'merge': False,
                   'size_max': 64 << 20, 'files_max': 5000, **more}
        fd = source if isinstance(source, int) else os.open(source, os.O_RDONLY)
        try:
            return self.run(request, stdin=fd)
        finally:
            os.close(fd)

    def refs(self):
        heads = self.path('repo', 'refs', 'heads')
        found = {}
        for directory, _, names in os.walk(heads):
            for name in names:
                path = os.path.join(directory, name)
                with open(path, encoding='ascii') as f:
                    found[os.path.relpath(path, heads)] = f.read().strip()
        return found

    def state_of_content(self):
        return self.refs(), sorted(os.listdir(self.path('checkouts')))

    def leftovers(self):
        """What a finished run must not leave."""
        left = [os.path.join('trash', n) for n in os.listdir(self.path('trash'))]
        left += [n for n in os.listdir(self.path('checkouts')) if n.startswith('.')]
        tmp = self.path('repo', 'tmp')
        if os.path.isdir(tmp):
            left += [os.path.join('repo/tmp', n) for n in os.listdir(tmp) if n != 'cache']
        return left

    def checkout(self, outcome):
        return self.path('checkouts', outcome.result['commit'])


def tree_of(path):
    """Everything that a tree says: {path: (type, executable, content)}."""
    found = {}
    for directory, names, files in os.walk(path):
        for name in names + files:
            full = os.path.join(directory, name)
            short = os.path.relpath(full, path)
            if os.path.islink(full):
                found[short] = ('link', False, os.readlink(full))
            elif os.path.isdir(full):
                found[short] = ('directory', False, '')
            else:
                with open(full, 'rb') as f:
                    digest = hashlib.sha256(f.read()).hexdigest()
                found[short] = ('file', bool(os.stat(full).st_mode & 0o111), digest)
    return found


def write(path, content=b'x', mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(content)
    os.chmod(path, mode)


class Tap:
    """Collects tests by decorator, runs each in an empty store, prints TAP."""

    def __init__(self):
        self.tests = []

    def __call__(self, function):
        self.tests.append(function)
        return function

    def main(self):
        enter_namespace()
        world = World(sys.argv[1])
        wanted = sys.argv[2:]
        tests = [t for t in self.tests if not wanted or t.__name__ in wanted]
        failed = 0
        print(f'1..{len(tests)}', flush=True)
        for i, test in enumerate(tests, 1):
            try:
                world.fresh()
                start = time.monotonic()
                test(world)
                print(f'ok {i} - {test.__name__} # {time.monotonic() - start:.1f} s', flush=True)
            except Exception as e:  # a test that breaks is a test that fails
                failed += 1
                text = traceback.format_exc().replace('\n', '\n# ')
                print(f'# {text}\nnot ok {i} - {test.__name__}: {str(e).splitlines()[0] if str(e) else e!r}', flush=True)
        return 1 if failed else 0

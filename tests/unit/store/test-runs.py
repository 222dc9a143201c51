#!/usr/bin/python3
"""How runs begin and end: requests, discard, kills, signals, the lock, a host that lacks something.
Runs the program as its unit does; argv[1] is the program, further arguments are names of tests."""
import os
import random
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from content import X, fails, same, sample, saved, server, tar_bytes, works  # noqa: E402
from world import Tap, ERROR, INVALID_ARGS, QUOTA, STATE, own, privileged, tree_of, write  # noqa: E402

test = Tap()


IMPORT = {'op': 'import', 'ref': 'overlay/a/1', 'format': 'tar', 'source': 'stdin', 'merge': False, 'size_max': 1,
          'files_max': 1}


@test
def requests_that_are_not_exactly_right_are_refused(world):
    zero = '0' * 64
    edit_ = {'op': 'edit', 'ref': 'overlay/a/1', 'size_max': 1, 'files_max': 1}
    requests = [
        b'', b'{', b'[]', b'null', b'"import"', b'{}', b'{"op":"verify","op":"verify"}', b'{"op":"verify"} x',
        b'{"op":"verify\\u0000"}', b'\xff', {'op': 'fsck'}, {'op': 7}, {'op': None}, {'op': 'verify', 'x': 1},
        {'op': 'verify', 'commit': zero}, {'op': 'checkout'}, {'op': 'checkout', 'commit': zero[1:]},
        {'op': 'checkout', 'commit': zero[1:] + 'A'}, {'op': 'checkout', 'commit': 0}, {'op': 'discard'},
        {'op': 'discard', 'trees': 'servers/a'}, {'op': 'discard', 'trees': [1]},
        {'op': 'discard', 'trees': ['servers']}, {'op': 'discard', 'trees': ['servers/']},
        {'op': 'discard', 'trees': ['servers/..']}, {'op': 'discard', 'trees': ['servers/a/work']},
        {'op': 'discard', 'trees': ['servers/a/upper/x']}, {'op': 'discard', 'trees': ['/servers/a']},
        {'op': 'discard', 'trees': ['repo']}, {'op': 'discard', 'trees': ['servers/A']},
        {'op': 'export', 'commit': zero, 'target': 'bind'}, {'op': 'export', 'commit': zero, 'target': 'path'},
        {'op': 'export', 'commit': zero, 'target': 'stdin', 'path': 'x'},
        {'op': 'export', 'commit': zero, 'target': 'path', 'path': '/x'},
        {'op': 'export', 'commit': zero, 'target': 'path', 'path': '../x'},
        {'op': 'prune', 'keep': []}, {'op': 'prune', 'checkouts': []},
        {'op': 'prune', 'keep': {}, 'checkouts': []}, {'op': 'prune', 'keep': [{}], 'checkouts': []},
        {'op': 'prune', 'keep': [{'ref': 'overlay/a/1'}], 'checkouts': []},
        {'op': 'prune', 'keep': [{'ref': 'overlay/a/1', 'commit': zero, 'x': 1}], 'checkouts': []},
        {'op': 'prune', 'keep': [], 'checkouts': ['..']},
        {**edit_, 'changes': [{'verb': 'write', 'path': 'a'}]}, {**edit_, 'changes': [{'verb': 'chmod', 'path': 'a'}]},
        {**edit_, 'changes': [{'verb': 'remove', 'path': 'a', 'size': 1}]},
        {**edit_, 'changes': [{'verb': 'remove', 'path': '../a'}]},
        {**edit_, 'changes': [{'verb': 'write', 'path': 'a', 'size': -1}]},
        {**edit_, 'changes': [{'verb': 'write', 'path': 'a', 'size': 1.0}]}, {**edit_, 'changes': {}}, edit_,
    ]
    for ref in ('overlay/a', 'overlay/a/0', 'overlay/a/01', 'overlay/a/x', 'overlay/A/1', 'overlay/a/1/2', 'installation',
                'installation/x', '../1', 'overlay/../1', 'overlay//1', '', 'other/a/1', 'overlay/a/1\n'):
        requests.append({**IMPORT, 'ref': ref})
    for key in ('ref', 'format', 'source', 'size_max', 'files_max'):
        requests.append({k: v for k, v in IMPORT.items() if k != key})
        requests.append({**IMPORT, key: None})
        requests.append({**IMPORT, key: []})
    requests += [{**IMPORT, 'parent': None}, {**IMPORT, 'parent': ''}, {**IMPORT, 'merge': 1}, {**IMPORT, 'path': 'x'},
                 {**IMPORT, 'source': 'path'}, {**IMPORT, 'size_max': 1 << 63}, {**IMPORT, 'changes': []}]
    server(world, 'a')
    own(world.path('servers'))
    for request in requests:
        try:
            fails(world.run(request), INVALID_ARGS, 'request')
        except AssertionError as e:
            raise AssertionError(f'{request}: {e}') from e
    same(os.listdir(world.path('repo')), [], 'nothing was made')
    same(sorted(os.listdir(world.path('servers', 'a'))), ['generated', 'upper', 'work'])


def discard(world, *trees):
    return world.run({'op': 'discard', 'trees': list(trees)})


@test
def discard_removes_what_a_server_wrote(world):
    server(world, 'one')
    server(world, 'two')
    own(world.path('servers'))
    works(discard(world, 'servers/one/upper'))
    same(sorted(os.listdir(world.path('servers', 'one'))), ['generated'])
    works(discard(world, 'servers/one', 'servers/two', 'servers/none', 'servers/none/upper'))
    same(os.listdir(world.path('servers')), [])
    same(world.leftovers(), [])


def chown_deep(path):
    """chown -R, deeper than PATH_MAX."""
    fds = [os.open(path, os.O_RDONLY)]
    os.fchown(fds[0], 64991, 64991)
    while fds:
        fd = fds.pop()
        with os.scandir(fd) as entries:
            for e in entries:
                os.chown(e.name, 64991, 64991, dir_fd=fd, follow_symlinks=False)
                if e.is_dir(follow_symlinks=False):
                    fds.append(os.open(e.name, os.O_RDONLY, dir_fd=fd))
        os.close(fd)


@test
def discard_copes_with_everything_a_game_can_make(world):
    top = server(world, 'one')
    upper = f'{top}/upper'
    for i in range(20):
        write(f'{upper}/locked/deep/{i}/x')
    os.mknod(f'{upper}/whiteout', 0o20000, 0)
    os.mkfifo(f'{upper}/fifo')
    os.symlink('/etc', f'{upper}/link')
    os.mkdir(f'{upper}/empty', 0)
    here = os.open(upper, os.O_RDONLY)
    for _ in range(3000):  # far deeper than PATH_MAX
        os.mkdir('d' * 50, 0o700, dir_fd=here)
        below = os.open('d' * 50, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    if privileged():
        chown_deep(world.path('servers'))
    os.close(here)
    os.chmod(f'{upper}/locked/deep', 0)
    os.chmod(f'{upper}/locked', 0)
    os.chmod(upper, 0)
    with open(f'{top}/generated/open', 'wb') as held:
        works(discard(world, 'servers/one/upper'))
        same(os.listdir(top), ['generated'])
        works(discard(world, 'servers/one'))
        held.write(b'still open')
    same(world.leftovers(), [])


@test
def work_of_root_goes_if_empty_and_is_named_if_not(world):
    if not privileged():
        raise AssertionError('needs root: files of two users')
    for name in ('one', 'two'):
        server(world, name)
        own(world.path('servers'))
        os.mkdir(world.path('servers', name, 'work/work'), 0)
        os.chmod(world.path('servers', name, 'work/work'), 0)
    write(world.path('servers', 'two', 'work/work/left'))
    works(discard(world, 'servers/one/upper'))
    same(world.leftovers(), [])
    outcome = fails(discard(world, 'servers/two/upper'), ERROR + 'StoreFailed', 'servers/two/work/work')
    same(os.listdir(world.path('servers', 'two')), ['generated'])
    works(discard(world, 'servers/one'))  # what stays in the trash stops nobody else


@test
def runs_that_are_killed_leave_nothing_for_long(world):
    source = world.new()
    for i in range(120):
        write(f'{source}/d{i % 20}/f{i}', os.urandom(15000))
    own(source)
    start = time.monotonic()
    kept = works(world.imported(source, 'directory', ref='overlay/a/1'))
    length = time.monotonic() - start
    write(f'{source}/one more', os.urandom(100))
    killed = 0
    for round_ in range(20):
        write(f'{source}/d1/f1', os.urandom(15000))
        fd = os.open(source, os.O_RDONLY)
        process = world.start({'op': 'import', 'ref': 'overlay/a/2', 'format': 'directory', 'source': 'stdin',
                               'size_max': 1 << 30, 'files_max': 1000}, stdin=fd)
        os.close(fd)
        try:
            process.wait(random.uniform(0, length))
        except subprocess.TimeoutExpired:
            process.kill()
            killed += 1
        process.communicate()
        outcome = works(world.run({'op': 'verify'}))
        same(world.leftovers(), [])
        for ref, commit in world.refs().items():
            same(os.path.isdir(world.path('checkouts', commit)), True, 'every ref is checked out')
            same(len([n for n in tree_of(world.path('checkouts', commit)) if 'f' in n]), 120, ref)
        same(world.refs()['overlay/a/1'], kept.result['commit'])
    same(killed >= 5, True, f'{killed} were killed in time')
    works(world.imported(source, 'directory', ref='overlay/a/2'))


def wait_until(condition, what):
    """For a state of another process that no event tells of."""
    end = time.monotonic() + 20
    while not condition():
        same(time.monotonic() < end, True, what)
        time.sleep(0.01)


def wait_for_transaction(world):
    tmp = world.path('repo', 'tmp')
    wait_until(lambda: os.path.isdir(tmp) and any(n.startswith('staging') for n in os.listdir(tmp)),
               'a transaction was begun')


def wait_for_waiter(world):
    """Until somebody waits for the lock on the repository: proc_locks(5) marks him with "->"."""
    inode = f":{os.stat(world.path('repo')).st_ino} "

    def waits():
        with open('/proc/locks', encoding='ascii') as f:
            return any('-> FLOCK' in line and inode in line for line in f)
    wait_until(waits, 'the second waits for the lock')


@test
def sigterm_ends_a_run_promptly_and_cleanly(world):
    works(world.imported(saved(world, tar_bytes([X])), 'tar'))
    before = world.state_of_content()
    r, w = os.pipe()
    request = {'op': 'import', 'ref': 'overlay/a/2', 'format': 'tar', 'source': 'stdin', 'size_max': 1 << 20,
               'files_max': 10}
    first = world.start(request, stdin=r)
    first_output = world.output
    os.write(w, tar_bytes([('x', {}, b'x' * 30000)])[:20000])
    wait_for_transaction(world)
    second = world.start({'op': 'prune', 'keep': [], 'checkouts': []})  # waits for the lock of the first
    second_output = world.output
    wait_for_waiter(world)
    for process, output in ((second, second_output), (first, first_output)):
        world.output = output
        same(process.poll(), None, 'still runs')
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        fails(world.finish(process), ERROR + 'Cancelled')
        same(time.monotonic() - start < 5, True, 'promptly')
    os.close(r)
    os.close(w)
    same(world.state_of_content(), before)
    same(world.leftovers(), [])
    r, w = os.pipe()
    big = works(world.imported(saved(world, tar_bytes([('b', {}, os.urandom(1 << 20))])), 'tar')).result['commit']
    process = world.start({'op': 'export', 'commit': big, 'target': 'stdin'}, stdin=w)
    os.read(r, 1)
    process.send_signal(signal.SIGTERM)
    fails(world.finish(process), ERROR + 'Cancelled')


def begin_import(world, ref, source):
    """source: a path, or a descriptor that stays the caller's."""
    fd = source if isinstance(source, int) else os.open(source, os.O_RDONLY)
    process = world.start({'op': 'import', 'ref': ref, 'format': 'tar', 'source': 'stdin', 'size_max': 1 << 24,
                           'files_max': 1000}, stdin=fd)
    if fd is not source:
        os.close(fd)
    return process, world.output


def end(world, process, output):
    world.output = output
    return world.finish(process)


@test
def imports_run_side_by_side_from_the_first_use_on(world):
    own_content = [saved(world, tar_bytes([(f'f{i}', {}, os.urandom(100000))])) for i in range(3)]
    shared = saved(world, tar_bytes([(f'd{i}/f', {}, os.urandom(3000)) for i in range(200)]))
    begun = [begin_import(world, f'overlay/a/{i + 1}', path) for i, path in enumerate(own_content + [shared] * 3)]
    commits = [works(end(world, *b)).result['commit'] for b in begun]
    same(len(set(commits)), 4, 'equal content is one commit')
    same(world.refs(), {f'overlay/a/{i + 1}': commit for i, commit in enumerate(commits)})
    same(sorted(os.listdir(world.path('checkouts'))), sorted(set(commits)))
    works(world.run({'op': 'verify'}))
    same(world.leftovers(), [])


@test
def the_same_checkout_is_made_by_many_at_once(world):
    archive = saved(world, tar_bytes([(f'd{i}/f', {}, b'%d' % i) for i in range(500)]))
    commit = works(world.imported(archive, 'tar')).result['commit']
    for _ in range(3):
        subprocess.check_call(['rm', '-r', world.path('checkouts', commit)])
        begun = [(world.start({'op': 'checkout', 'commit': commit}), world.output) for _ in range(6)]
        for b in begun:
            works(end(world, *b))
        same(os.listdir(world.path('checkouts')), [commit])
        same(os.listdir(world.path('trash')), [])
        works(world.run({'op': 'verify'}))


@test
def a_client_that_does_nothing_holds_up_nobody_but_a_prune(world):
    kept = works(world.imported(saved(world, tar_bytes([X])), 'tar')).result['commit']
    archive = tar_bytes([('slow', {}, os.urandom(300000))])
    r, w = os.pipe()
    slow = begin_import(world, 'overlay/slow/1', r)
    os.close(r)
    os.write(w, archive[:30000])
    wait_for_transaction(world)
    prune = world.start({'op': 'prune', 'keep': [{'ref': 'overlay/a/1', 'commit': kept}], 'checkouts': [kept]})
    prune_output = world.output
    server(world, 'one')
    own(world.path('servers'))
    subprocess.check_call(['rm', '-r', world.path('checkouts', kept)])
    edit = {'op': 'edit', 'ref': 'overlay/b/1', 'parent': kept, 'size_max': 1 << 20, 'files_max': 10,
            'changes': [{'verb': 'write', 'path': 'y', 'size': 0}]}
    works(world.run({'op': 'checkout', 'commit': kept}))
    works(world.run(edit))
    works(world.imported(saved(world, tar_bytes([('z', {}, os.urandom(50000))])), 'tar', ref='overlay/c/1'))
    works(discard(world, 'servers/one'))
    same(os.listdir(world.path('servers')), [])
    fails(world.imported(saved(world, archive[:200000]), 'tar', ref='overlay/c/2'), ERROR + 'InvalidContent')
    works(world.run({'op': 'verify'}))
    same(sorted(world.refs()), ['overlay/a/1', 'overlay/b/1', 'overlay/c/1'])
    same(os.listdir(world.path('trash')), [])
    same((slow[0].poll(), prune.poll()), (None, None), 'both still run')
    with open(w, 'wb') as pipe:
        pipe.write(archive[30000:])
    works(end(world, *slow))
    works(end(world, prune, prune_output))
    same(world.state_of_content(), ({'overlay/a/1': kept}, [kept]))
    works(world.run({'op': 'verify'}))
    same(world.leftovers(), [])


@test
def a_full_disk_is_a_clear_error(world):
    source = world.new()
    for i in range(40):
        write(f'{source}/f{i}', os.urandom(100000))
    own(source)
    subprocess.check_call(['mount', '-t', 'tmpfs', '-o', 'size=6m,mode=711', 'tmpfs', STATE])
    try:
        world.fresh()
        before = works(world.imported(saved(world, tar_bytes([X])), 'tar'))
        for merge in (False, True):
            fails(world.imported(source, 'directory', ref='overlay/a/2', merge=merge, parent=before.result['commit'],
                                 size_max=3900000), QUOTA)
        write(world.path('spool', 'ballast'), b'x' * 3000000)
        state = world.state_of_content()
        fails(world.imported(source, 'directory', ref='overlay/a/2'), ERROR + 'StoreFailed', 'space')
        same(world.state_of_content(), state)
        same(world.leftovers(), [])
        os.unlink(world.path('spool', 'ballast'))
        works(world.imported(source, 'directory', ref='overlay/a/2'))
        works(world.run({'op': 'verify'}))
    finally:
        subprocess.check_call(['umount', STATE])


def limits(**names):
    import resource

    def apply():
        for name, value in names.items():
            resource.setrlimit(getattr(resource, name), (value, value))
    return apply


@test
def lack_of_descriptors_is_a_clear_error(world):
    source = sample(world.new())
    before = works(world.imported(source, 'directory'))
    write(f'{source}/new', os.urandom(200000))
    own(source)
    state = world.state_of_content()
    request = {'op': 'import', 'ref': 'overlay/a/2', 'format': 'directory', 'source': 'stdin', 'size_max': 1 << 30,
               'files_max': 1000}
    failed = 0
    for files in range(4, 22):
        fd = os.open(source, os.O_RDONLY)
        outcome = world.run({**request}, stdin=fd, preexec=limits(RLIMIT_NOFILE=files), warnings=True)
        os.close(fd)
        if outcome.rc == 0:
            break
        if outcome.error is None:  # the loader of libraries had too few
            continue
        failed += 1
        same(outcome.error['name'], ERROR + 'StoreFailed', outcome.error['message'])
        same(world.state_of_content(), state)
    same(failed > 0, True)
    works(world.run({'op': 'verify'}))
    same(world.leftovers(), [])


if __name__ == '__main__':
    sys.exit(test.main())

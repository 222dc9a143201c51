#!/usr/bin/python3
"""Each system call of an import fails once: a clear error, and everything as it was.
Runs the program as its unit does, under strace; argv[1] is the program, further arguments are names of tests."""
import collections
import os
import random
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from content import same, sample, works  # noqa: E402
from world import Tap, own, write  # noqa: E402

test = Tap()
SECONDS = float(os.environ.get('LEFT4ME_FAULT_SECONDS', '15'))
FAULTS = {'openat': 'EMFILE', 'write': 'ENOSPC', 'fsync': 'EIO', 'fdatasync': 'EIO', 'syncfs': 'EIO', 'renameat': 'ENOSPC',
          'linkat': 'EIO', 'mkdirat': 'ENOSPC', 'newfstatat': 'EIO', 'read': 'EIO', 'getdents64': 'EIO',
          'fallocate': 'ENOSPC', 'fchmod': 'EIO', 'symlinkat': 'ENOSPC', 'unlinkat': 'EIO', 'fcntl': 'EIO',
          'statx': 'EIO', 'flock': 'ENOLCK'}


def traced(world, program, options, source):
    """One import under strace. LeakSanitizer is a tracer itself and cannot be one here."""
    script = world.new('.sh')
    trace = os.path.join(world.scratch, 'trace')
    write(script, f'#!/bin/sh\nexport ASAN_OPTIONS=detect_leaks=0\nexec strace -f -o {trace} {options} {program}\n'.encode(),
          0o755)
    world.program = script
    fd = os.open(source, os.O_RDONLY)
    try:
        return world.run({'op': 'import', 'ref': 'overlay/a/2', 'format': 'directory', 'source': 'stdin',
                          'size_max': 1 << 30, 'files_max': 100}, stdin=fd, warnings=True)
    finally:
        os.close(fd)
        world.program = program


def back_to(world, state):
    keep = [{'ref': ref, 'commit': commit} for ref, commit in state[0].items()]
    works(world.run({'op': 'prune', 'keep': keep, 'checkouts': state[1]}))
    same(world.state_of_content(), state)


def check(world, outcome, before):
    if outcome.rc == 0:  # the library did without that call
        same('overlay/a/2' in world.refs(), True)
    elif outcome.lines and outcome.error:
        same(world.state_of_content(), before, str(outcome))
        same(outcome.error['message'] != '', True)
    else:  # the call that failed was the loader's, or the write of the last line
        same(re.search('cannot write the output|shared lib|Sanitizer', outcome.stderr) is not None, True, str(outcome))
    back_to(world, before)
    same(world.leftovers(), [])


@test
def each_system_call_of_an_import_may_fail(world):
    program = world.program
    source = sample(world.new())
    os.chmod(world.scratch, 0o777)
    works(world.imported(source, 'directory'))
    before = world.state_of_content()
    write(f'{source}/new/file', os.urandom(5000))
    own(source)
    works(traced(world, program, '', source))
    with open(os.path.join(world.scratch, 'trace'), encoding='utf-8', errors='replace') as f:
        calls = collections.Counter(re.findall(r'^\d+ +(\w+)\(', f.read(), re.M))
    back_to(world, before)
    cases = [(call, i) for call in FAULTS for i in range(1, calls[call] + 1)]
    # The last ones of each come first: there the most is to be undone.
    late = [(call, calls[call]) for call in FAULTS if calls[call]]
    random.shuffle(cases)
    end = time.monotonic() + SECONDS
    done = 0
    for call, i in late + cases:
        if time.monotonic() > end:
            break
        try:
            check(world, traced(world, program, f'-e inject={call}:error={FAULTS[call]}:when={i}', source), before)
        except Exception as e:
            raise AssertionError(f'{call} {i}: {e}') from e
        done += 1
    print(f'# {done} of {len(cases)} calls failed')
    same(done >= len(late), True, 'at least the last of each')


if __name__ == '__main__':
    sys.exit(test.main())

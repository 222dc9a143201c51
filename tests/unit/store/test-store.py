#!/usr/bin/python3
"""left4me-store as its unit runs it: what each operation promises, and what it refuses. argv[1] is the program, further
arguments are names of tests."""
import io
import os
import random
import signal
import stat
import subprocess
import sys
import tarfile
import time
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import (DIRECTORIES, ERROR, INVALID_ARGS, INVALID_CONTENT, QUOTA, STATE, Tap, World, enter_namespace, own,  # noqa: E402
                   privileged, tree_of, write)

test = Tap()


def same(actual, expected, what=''):
    if actual != expected:
        raise AssertionError(f'{what}: {actual!r} is not {expected!r}')


def works(outcome):
    if outcome.rc != 0 or outcome.result is None:
        raise AssertionError(f'failed: {outcome}')
    return outcome


def fails(outcome, name, *words):
    if outcome.rc != 1 or outcome.error is None:
        raise AssertionError(f'did not fail: {outcome}')
    same(outcome.error['name'], name, outcome.error['message'])
    for word in words:
        if word not in outcome.error['message']:
            raise AssertionError(f'{word!r} is not in {outcome.error["message"]!r}')
    return outcome


def sample(path):
    write(f'{path}/left4dead2/cfg/server.cfg', b'hostname test\n')
    write(f'{path}/left4dead2/addons/map.vpk', os.urandom(300000))
    write(f'{path}/srcds_run', b'#!/bin/sh\n', 0o755)
    write(f'{path}/empty', b'')
    os.mkdir(f'{path}/none')
    os.symlink('../addons/map.vpk', f'{path}/left4dead2/cfg/link')
    return own(path)


def tar_bytes(entries, fmt=tarfile.PAX_FORMAT, mode='w'):
    """entries: (name, members of TarInfo, content)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=fmt) as t:
        for name, members, content in entries:
            info = tarfile.TarInfo(name)
            info.mode = 0o644
            info.size = len(content)
            for key, value in members.items():
                setattr(info, key, value)
            t.addfile(info, io.BytesIO(content))
    return out.getvalue()


def saved(world, content, suffix=''):
    path = world.new(suffix)
    write(path, content)
    return path


def zip_bytes(entries):
    """entries: (name, content, mode with type or 0)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, content)
    return out.getvalue()


DIR = {'type': tarfile.DIRTYPE, 'mode': 0o755}


def link(target):
    return {'type': tarfile.SYMTYPE, 'linkname': target}


def hard(target):
    return {'type': tarfile.LNKTYPE, 'linkname': target}


@test
def a_directory_becomes_a_checked_out_generation(world):
    source = sample(world.new())
    outcome = works(world.imported(source, 'directory'))
    commit = outcome.result['commit']
    same(tree_of(world.checkout(outcome)), tree_of(source))
    same(world.refs(), {'overlay/a/1': commit})
    same(outcome.result['files'], 5)
    same(outcome.result['size'], 300000 + 14 + 10 + len('../addons/map.vpk'))
    same(world.leftovers(), [])
    for directory, names, files in os.walk(world.checkout(outcome)):
        for name in names + files:
            st = os.lstat(os.path.join(directory, name))
            if not stat.S_ISLNK(st.st_mode):
                same(st.st_mode & 0o7777 in (0o644, 0o755), True, name)
    same(os.stat(f'{world.checkout(outcome)}/left4dead2/addons/map.vpk').st_nlink, 2, 'hard link to the object')


@test
def equal_content_is_an_equal_commit(world):
    source = sample(world.new())
    first = works(world.imported(source, 'directory'))
    second = works(world.imported(source, 'directory'))
    third = works(world.imported(source, 'directory', ref='installation/7'))
    same(first.result, second.result)
    same(first.result, third.result)
    same(sorted(world.refs()), ['installation/7', 'overlay/a/1'])


@test
def sources_are_standard_input_spool_and_bind(world):
    write(world.path('spool', 'in', 'x'), b'1')
    own(world.path('spool', 'in'))
    os.chmod(world.path('spool', 'in'), 0o2775)
    base = {'op': 'import', 'ref': 'overlay/a/1', 'merge': False, 'size_max': 1000, 'files_max': 10}
    works(world.run({**base, 'format': 'directory', 'source': 'path', 'path': 'in'}))
    write(world.path('spool', 'a.tar'), tar_bytes([('x', {}, b'1')]))
    works(world.run({**base, 'format': 'tar', 'source': 'path', 'path': 'a.tar'}))
    write('/run/left4me-import/x', b'1')
    works(world.run({**base, 'format': 'directory', 'source': 'bind'}))
    same(len(set(os.listdir(world.path('checkouts')))), 1, 'three times the same content')
    before = world.state_of_content()
    os.symlink('/etc', world.path('spool', 'link'))
    os.symlink('a.tar', world.path('spool', 'a'))
    for path, fmt, name in (('missing', 'tar', ERROR + 'FileNotFound'), ('link', 'directory', INVALID_ARGS),
                            ('link/passwd', 'tar', INVALID_ARGS), ('a', 'tar', INVALID_ARGS),
                            ('../repo', 'directory', INVALID_ARGS), ('in', 'tar', INVALID_ARGS),
                            ('a.tar', 'directory', INVALID_ARGS)):
        fails(world.run({**base, 'format': fmt, 'source': 'path', 'path': path}), name)
    same(world.state_of_content(), before)


@test
def descriptors_that_give_no_right_to_read_are_refused(world):
    fd = os.open(world.path('servers'), os.O_PATH)
    fails(world.imported(fd, 'directory'), INVALID_ARGS)
    fd = os.open(saved(world, tar_bytes([])), os.O_WRONLY)
    fails(world.imported(fd, 'tar'), INVALID_ARGS)
    r, w = os.pipe()
    os.close(w)
    fails(world.imported(r, 'zip'), INVALID_ARGS)


@test
def every_compression_and_a_pipe_give_the_same_content(world):
    entries = [('./', DIR, b''), ('./d/', DIR, b''), ('./d/x', {'mode': 0o755}, os.urandom(70000)),
               ('./d/hard', hard('./d/x'), b''), ('l', link('d/./x'), b'')]
    commits = set()
    for mode in ('w', 'w:gz', 'w:bz2', 'w:xz'):
        for fmt in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
            commits.add(works(world.imported(saved(world, tar_bytes(entries, fmt, mode)), 'tar')).result['commit'])
    plain = saved(world, tar_bytes(entries))
    with subprocess.Popen(['cat', plain], stdout=subprocess.PIPE) as cat:
        commits.add(works(world.imported(os.dup(cat.stdout.fileno()), 'tar')).result['commit'])
    fd = os.open(plain, os.O_RDONLY)
    os.lseek(fd, 700, os.SEEK_SET)
    commits.add(works(world.imported(fd, 'tar')).result['commit'])
    zipped = zip_bytes([('d/', b'', 0o40755), ('d/x', entries[2][2], 0o100755), ('d/hard', entries[2][2], 0o100755),
                        ('l', 'd/./x', 0o120777)])
    commits.add(works(world.imported(saved(world, zipped), 'zip')).result['commit'])
    same(len(commits), 1)


X = ('x', {}, b'x')
HOSTILE_TAR = [
    # what, entries, error, words of the message
    ('character device', [X, ('d/null', {'type': tarfile.CHRTYPE, 'devmajor': 1, 'devminor': 3}, b'')], INVALID_CONTENT, ['d/null', 'device']),
    ('block device', [('sda', {'type': tarfile.BLKTYPE, 'devmajor': 8}, b'')], INVALID_CONTENT, ['sda', 'device']),
    ('whiteout device', [('gone', {'type': tarfile.CHRTYPE}, b'')], INVALID_CONTENT, ['gone', 'whiteout']),
    ('fifo', [('f', {'type': tarfile.FIFOTYPE}, b'')], INVALID_CONTENT, ["'f'", 'FIFO']),
    ('set-uid', [('su', {'mode': 0o4755}, b'x')], INVALID_CONTENT, ['su', 'set-id']),
    ('set-gid', [('sg', {'mode': 0o2755}, b'x')], INVALID_CONTENT, ['sg', 'set-id']),
    ('absolute name', [('/etc/passwd', {}, b'x')], INVALID_CONTENT, ['/etc/passwd', 'absolute']),
    ('parent name', [('../x', {}, b'x')], INVALID_CONTENT, ['../x', "'..'"]),
    ('parent inside', [('a/../../x', {}, b'x')], INVALID_CONTENT, ['a/../../x']),
    ('dot inside', [('a/./x', {}, b'x')], INVALID_CONTENT, ['a/./x']),
    ('empty component', [('a//x', {}, b'x')], INVALID_CONTENT, ['a//x']),
    ('newline', [('a\nb', {}, b'x')], INVALID_CONTENT, ['a\\x0ab']),
    ('escape', [('a\x1b[2Jb', {}, b'x')], INVALID_CONTENT, ['\\x1b']),
    ('bidi', [('a\u202egpj.exe', {}, b'x')], INVALID_CONTENT, ['exe']),
    ('whiteout by name', [('a/.wh.foo', {}, b'')], INVALID_CONTENT, ['.wh.foo']),
    ('opaque by name', [('a/.wh..wh..opq', {}, b'')], INVALID_CONTENT, ['.wh..wh..opq']),
    ('deep', [('d/' * 64 + 'x', {}, b'x')], INVALID_CONTENT, ['deeper']),
    ('100 deep', [('d/' * 100 + 'x', {}, b'x')], INVALID_CONTENT, ['deeper']),
    ('long component', [('a' * 256, {}, b'x')], INVALID_CONTENT, ['longer']),
    ('long path', [(('a' * 200 + '/') * 6 + 'x', {}, b'x')], INVALID_CONTENT, ['longer']),
    ('absolute link', [('l', link('/etc/passwd'), b'')], INVALID_CONTENT, ["'l'", 'absolute']),
    ('escaping link', [('a/l', link('../../x'), b'')], INVALID_CONTENT, ['a/l', 'leaves']),
    ('escaping root link', [('l', link('..'), b'')], INVALID_CONTENT, ["'l'", 'leaves']),
    ('link through link', [('d/e/up', link('../..'), b''), ('l', link('d/e/up/..'), b'')], INVALID_CONTENT, ["'l'", "'..'"]),
    ('empty link', [('l', link(''), b'')], INVALID_CONTENT, ["'l'"]),
    ('newline link', [('l', link('a\nb'), b'')], INVALID_CONTENT, ["'l'"]),
    ('endless link', [('l', link('a/' * 600), b'')], INVALID_CONTENT, ["'l'"]),
    ('write through link', [('d', DIR, b''), ('l', link('d'), b''), ('l/x', {}, b'x')], INVALID_CONTENT, ['l/x']),
    ('directory through link', [('d', DIR, b''), ('l', link('d'), b''), ('l/x', DIR, b'')], INVALID_CONTENT, ['l/x']),
    ('link over directory', [('d', DIR, b''), ('d', link('x'), b'')], INVALID_CONTENT, ["'d'"]),
    ('directory over link', [('d', link('x'), b''), ('d', DIR, b'')], INVALID_CONTENT, ["'d'"]),
    ('link over file', [('d', {}, b'1'), ('d', link('x'), b'')], INVALID_CONTENT, ["'d'", 'link']),
    ('file over link', [('d', link('x'), b''), ('d', {}, b'1')], INVALID_CONTENT, ["'d'", 'link']),
    ('file over directory', [('d', DIR, b''), ('d', {}, b'1')], INVALID_CONTENT, ["'d'"]),
    ('directory over file', [('d', {}, b'1'), ('d', DIR, b'')], INVALID_CONTENT, ["'d'"]),
    ('below a file', [('d', {}, b'1'), ('d/x', {}, b'1')], INVALID_CONTENT, ['d/x']),
    ('hard link out', [('h', hard('../../etc/passwd'), b'')], INVALID_CONTENT, ["'h'", 'leaves']),
    ('hard link absolute', [('h', hard('/etc/passwd'), b'')], INVALID_CONTENT, ["'h'", 'leaves']),
    ('hard link to nothing', [('h', hard('later'), b''), ('later', {}, b'x')], INVALID_CONTENT, ["'h'"]),
    ('hard link to directory', [('d', DIR, b''), ('h', hard('d'), b'')], INVALID_CONTENT, ["'h'"]),
    ('hard link to link', [('a/b/l', link('../../x'), b''), ('h', hard('a/b/l'), b'')], INVALID_CONTENT, ["'h'"]),
    ('hard link set-uid', [X, ('x2', {**hard('x'), 'mode': 0o4755}, b'')], None, []),
    ('root as file', [('.', {}, b'x')], INVALID_CONTENT, ["'.'"]),
    ('user attribute', [('a', {'pax_headers': {'SCHILY.xattr.user.x': 'y'}}, b'x')], INVALID_CONTENT, ["'a'", 'user.x']),
    ('overlay attribute', [('a', {'pax_headers': {'SCHILY.xattr.trusted.overlay.opaque': 'y'}}, b'x')], INVALID_CONTENT, ["'a'", 'trusted.overlay.opaque']),
    ('capability', [('a', {'pax_headers': {'SCHILY.xattr.security.capability': 'y'}}, b'x')], INVALID_CONTENT, ["'a'", 'security.capability']),
    ('label', [('a', {'pax_headers': {'SCHILY.xattr.security.selinux': 'y'}}, b'x')], None, []),
    ('too many', [(f'f{i}', {}, b'') for i in range(201)], QUOTA, ['f200', '200']),
    ('too many directories', [(f'f{i}', DIR, b'') for i in range(201)], QUOTA, ['f200']),
    ('too large', [('a', {}, b'x' * 600000), ('b', {}, b'x' * 600000)], QUOTA, ["'b'", '1000000']),
    ('copies too large', [('a', {}, b'x' * 600000), ('b', hard('a'), b'')], QUOTA, ["'b'"]),
    ('twice', [('a', {}, b'1'), ('a', {}, b'22')], None, []),
    ('set-gid directory', [('d', {'type': tarfile.DIRTYPE, 'mode': 0o2775}, b''), ('d/x', {}, b'')], None, []),
]


@test
def hostile_tars_are_refused_by_name_and_change_nothing(world):
    works(world.imported(saved(world, tar_bytes([('keep', {}, b'x')])), 'tar', ref='overlay/a/1'))
    before = world.state_of_content()
    for what, entries, name, words in HOSTILE_TAR:
        try:
            outcome = world.imported(saved(world, tar_bytes(entries)), 'tar', ref='overlay/a/2', size_max=1000000,
                                     files_max=200)
            if name:
                fails(outcome, name, *words)
                same(world.state_of_content(), before)
            else:
                works(outcome)
                works(world.run({'op': 'prune', 'keep': [{'ref': r, 'commit': c} for r, c in before[0].items()],
                                 'checkouts': before[1]}))
            same(world.leftovers(), [])
        except AssertionError as e:
            raise AssertionError(f'{what}: {e}') from e


def raw_header(name, size=0, typeflag=b'0', link=b''):
    header = bytearray(512)
    header[0:len(name)] = name
    header[100:108] = b'0000644\0'
    header[108:124] = b'0000000\0' * 2
    header[124:136] = b'%011o\0' % size
    header[136:148] = b'00000000000\0'
    header[156:157] = typeflag
    header[157:157 + len(link)] = link
    header[257:265] = b'ustar\x0000'
    header[148:156] = b' ' * 8
    header[148:156] = b'%06o\0 ' % sum(header)
    return bytes(header)


def gnu_sparse(real_size):
    """A GNU 1.0 sparse file of one byte."""
    data = b'1\n0\n1\n'.ljust(512, b'\0') + b'x'.ljust(512, b'\0')
    return [('GNUSparseFile.0/s', {'pax_headers': {'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 's',
                                                   'GNU.sparse.realsize': str(real_size)}}, data)]


@test
def damaged_and_deceiving_archives_are_refused(world):
    good = tar_bytes([('a', {}, os.urandom(5000)), ('b', {}, b'x' * 5000)])
    end = b'\0' * 1024
    gz = tar_bytes([('a', {}, os.urandom(5000))], mode='w:gz')
    broken = bytearray(tar_bytes([('a', {}, os.urandom(5000))], mode='w:xz'))
    broken[len(broken) // 2] ^= 1
    flipped = bytearray(good)
    flipped[512 + 5120 + 148] ^= 1
    bomb = tar_bytes([('bomb', {}, b'\0' * 60000000)], mode='w:xz')
    cases = [
        ('empty', b'', 'tar', INVALID_CONTENT, []),
        ('garbage', os.urandom(100000), 'tar', INVALID_CONTENT, []),
        ('text', b'hello\n' * 1000, 'tar', INVALID_CONTENT, []),
        ('cut in a file', good[:3000], 'tar', INVALID_CONTENT, []),
        ('cut between files', good[:512 + 5120], 'tar', INVALID_CONTENT, ['cut short']),
        ('cut behind the last file', good[:2 * (512 + 5120)], 'tar', INVALID_CONTENT, ['cut short']),
        ('cut gzip', gz[:-100], 'tar', INVALID_CONTENT, []),
        ('wrong xz checksum', bytes(broken), 'tar', INVALID_CONTENT, []),
        ('wrong header checksum', bytes(flipped), 'tar', INVALID_CONTENT, []),
        ('not UTF-8', raw_header(b'a\xff\xfeb') + end, 'tar', INVALID_CONTENT, ['\\xff']),
        ('nameless', raw_header(b'') + end, 'tar', INVALID_CONTENT, ['']),
        ('socket of cpio', b'070701' + b'0' * 104 + b'\0', 'tar', INVALID_CONTENT, []),
        ('larger than the disk', raw_header(b'big', 0o77777777777) + end, 'tar', QUOTA, ['big']),
        ('sparse', tar_bytes(gnu_sparse(10 ** 15)), 'tar', QUOTA, ["'s'"]),
        ('compression bomb', bomb, 'tar', QUOTA, ['bomb']),
        ('tar as zip', good, 'zip', INVALID_CONTENT, []),
        ('zip as tar', zip_bytes([('a', b'x', 0)]), 'tar', INVALID_CONTENT, []),
        ('empty zip file', b'', 'zip', INVALID_CONTENT, []),
        ('garbage zip', b'PK\3\4' + os.urandom(5000), 'zip', INVALID_CONTENT, []),
        ('cut zip', zip_bytes([('a', os.urandom(5000), 0)])[:-60], 'zip', INVALID_CONTENT, []),
        ('zip bomb', zip_bytes([('bomb', b'\0' * 60000000, 0)]), 'zip', QUOTA, ['bomb']),
        ('zip slip', zip_bytes([('../../x', b'x', 0)]), 'zip', INVALID_CONTENT, ['../../x']),
        ('zip absolute', zip_bytes([('/x', b'x', 0)]), 'zip', INVALID_CONTENT, ['/x']),
        ('zip link out', zip_bytes([('l', '../x', 0o120777)]), 'zip', INVALID_CONTENT, ["'l'", 'leaves']),
        ('zip set-uid', zip_bytes([('s', b'x', 0o104755)]), 'zip', INVALID_CONTENT, ["'s'", 'set-id']),
        ('zip device', zip_bytes([('n', b'', 0o020666)]), 'zip', INVALID_CONTENT, ["'n'", 'device']),
        ('zip whiteout', zip_bytes([('d/.wh.x', b'', 0)]), 'zip', INVALID_CONTENT, ['.wh.x']),
        ('zip newline', zip_bytes([('a\nb', b'', 0)]), 'zip', INVALID_CONTENT, ['\\x0a']),
        ('zip that lies about its size', lying_zip(), 'zip', INVALID_CONTENT, ["'a'"]),
        ('zip with a wrong checksum', wrong_zip(), 'zip', INVALID_CONTENT, []),
        ('encrypted zip', encrypted_zip(), 'zip', INVALID_CONTENT, ["'a'", 'encrypted']),
    ]
    works(world.imported(saved(world, good), 'tar'))
    before = world.state_of_content()
    for what, content, fmt, name, words in cases:
        try:
            fails(world.imported(saved(world, content), fmt, ref='overlay/a/2', size_max=1000000), name, *words)
            same(world.state_of_content(), before)
            same(world.leftovers(), [])
        except AssertionError as e:
            raise AssertionError(f'{what}: {e}') from e


def lying_zip():
    """Says 10 bytes in both headers, inflates to 5000."""
    z = bytearray(zip_bytes([('a', b'y' * 5000, 0o100644)]))
    real = (5000).to_bytes(4, 'little')
    return bytes(z.replace(real, (10).to_bytes(4, 'little')))


def wrong_zip():
    content = b'stored' * 100
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as z:
        z.writestr('a', content)
    return out.getvalue().replace(b'storedstored', b'stOredstored', 1)


def encrypted_zip():
    z = bytearray(zip_bytes([('a', b'secret' * 30, 0o100644)]))
    z[6] |= 1
    central = z.index(b'PK\1\2')
    z[central + 8] |= 1
    return bytes(z)


@test
def a_fifo_of_a_zip_is_an_empty_file(world):
    """libarchive does not tell that it was one; what matters is that none is made."""
    outcome = works(world.imported(saved(world, zip_bytes([('n', b'', 0o010666)])), 'zip'))
    same(stat.S_ISREG(os.lstat(f'{world.checkout(outcome)}/n').st_mode), True)


@test
def names_with_nul_never_reach_the_tree(world):
    out = tar_bytes([('a', {'pax_headers': {'path': 'good\0evil'}}, b'x')])
    outcome = world.imported(saved(world, out), 'tar')
    if outcome.rc == 0:
        same(list(tree_of(world.checkout(outcome))), ['good'])
    else:
        fails(outcome, INVALID_CONTENT)


def prepare_socket(path):
    import socket
    s = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(os.path.dirname(path))
    s.bind(os.path.basename(path))
    os.chdir(here)


HOSTILE_DIRECTORY = [
    ('fifo', lambda d: os.mkfifo(f'{d}/f'), INVALID_CONTENT, ["'f'", 'FIFO']),
    ('socket', lambda d: prepare_socket(f'{d}/s'), INVALID_CONTENT, ["'s'", 'socket']),
    ('whiteout', lambda d: os.mknod(f'{d}/w', 0o20000, 0), INVALID_CONTENT, ["'w'", 'whiteout']),
    ('set-uid', lambda d: write(f'{d}/d/su', b'', 0o4755), INVALID_CONTENT, ['d/su', 'set-id']),
    ('absolute link', lambda d: os.symlink('/etc/passwd', f'{d}/l'), INVALID_CONTENT, ["'l'", 'absolute']),
    ('escaping link', lambda d: os.symlink('../x', f'{d}/l'), INVALID_CONTENT, ["'l'", 'leaves']),
    ('newline', lambda d: write(f'{d}/a\nb'), INVALID_CONTENT, ['\\x0a']),
    ('not UTF-8', lambda d: write(os.fsencode(d) + b'/a\xff'), INVALID_CONTENT, ['\\xff']),
    ('whiteout by name', lambda d: write(f'{d}/d/.wh.x'), INVALID_CONTENT, ['.wh.x']),
    ('deep', lambda d: write(f'{d}/' + 'd/' * 64 + 'x'), INVALID_CONTENT, ['deeper']),
    ('attribute', lambda d: os.setxattr(f'{d}/ok', 'user.x', b'y'), INVALID_CONTENT, ["'ok'", 'user.x']),
    ('attribute of a directory', lambda d: os.setxattr(d, 'user.x', b'y'), INVALID_CONTENT, ['user.x']),
    ('sparse and too large', lambda d: os.truncate(f'{d}/ok', 1 << 40), QUOTA, ["'ok'"]),
    ('too many', lambda d: [write(f'{d}/n{i:03}') for i in range(200)], QUOTA, ["'ok'", '200']),
]


@test
def hostile_directories_are_refused_by_name_and_change_nothing(world):
    for what, make, name, words in HOSTILE_DIRECTORY:
        try:
            source = world.new()
            write(f'{source}/ok')
            make(source)
            own(source)
            if what == 'set-uid':  # chown took the bit
                os.chmod(f'{source}/d/su', 0o4755)
            fails(world.imported(source, 'directory', size_max=1000000, files_max=200), name, *words)
            same(world.state_of_content(), ({}, []))
            same(world.leftovers(), [])
        except AssertionError as e:
            raise AssertionError(f'{what}: {e}') from e


@test
def unreadable_files_and_other_mounts_are_refused(world):
    source = sample(world.new())
    subprocess.check_call(['mount', '--bind', world.path('servers'), f'{source}/none'])
    try:
        fails(world.imported(source, 'directory'), INVALID_CONTENT, "'none'", 'mount')
    finally:
        subprocess.check_call(['umount', f'{source}/none'])
    if privileged():
        write(f'{source}/secret', b'x', 0o600)
        fails(world.imported(source, 'directory'), INVALID_CONTENT, "'secret'", 'read')


@test
def a_tree_that_changes_while_it_is_read_is_refused(world):
    source = world.new()
    for i in range(300):
        write(f'{source}/f{i:03}', b'x' * 20000)
    own(source)
    refused = 0
    for round_ in range(6):
        fd = os.open(source, os.O_RDONLY)
        process = world.start({'op': 'import', 'ref': 'overlay/a/1', 'format': 'directory', 'source': 'stdin',
                               'size_max': 1 << 30, 'files_max': 1000}, stdin=fd)
        os.close(fd)
        end = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < end:
            with open(f'{source}/f{random.randrange(300):03}', 'ab') as f:
                f.write(b'y')
        outcome = world.finish(process)
        if outcome.rc != 0:
            refused += 1
            fails(outcome, INVALID_CONTENT, "'f", 'changed while it was read')
            same(world.state_of_content(), ({}, []))
    same(refused, 6)


@test
def merging_replaces_files_and_keeps_the_rest(world):
    base = works(world.imported(saved(world, tar_bytes([
        ('d/a', {}, b'old'), ('d/b', {}, b'stays'), ('e/f/g', {}, b'stays'), ('l', link('d/a'), b'')])), 'tar'))
    over = saved(world, tar_bytes([('d/a', {'mode': 0o755}, b'new'), ('d/n/m', {}, b'new'), ('l', {}, b'file now')]))
    more = {'parent': base.result['commit'], 'ref': 'overlay/a/2'}
    merged = works(world.imported(over, 'tar', merge=True, **more))
    same({k: v[0] for k, v in tree_of(world.checkout(merged)).items()},
         {'d': 'directory', 'd/a': 'file', 'd/b': 'file', 'd/n': 'directory', 'd/n/m': 'file', 'e': 'directory',
          'e/f': 'directory', 'e/f/g': 'file', 'l': 'file'})
    with open(f'{world.checkout(merged)}/d/a', 'rb') as f:
        same(f.read(), b'new')
    same((merged.result['files'], merged.result['size']), (5, 3 + 5 + 5 + 3 + 8))
    replaced = works(world.imported(over, 'tar', merge=False, **more))
    same(sorted(tree_of(world.checkout(replaced))), ['d', 'd/a', 'd/n', 'd/n/m', 'l'])
    before = world.state_of_content()
    for entries, words in (([('d', {}, b'x')], ["'d'", 'directory']), ([('d/a/x', {}, b'x')], ['d/a', 'file']),
                           ([('l/x', {}, b'x')], ["'l'"])):
        fails(world.imported(saved(world, tar_bytes(entries)), 'tar', merge=True, **more), INVALID_CONTENT, *words)
    fails(world.imported(over, 'tar', merge=True, **{**more, 'size_max': 20}), QUOTA)
    fails(world.imported(over, 'tar', merge=True, **{**more, 'files_max': 8}), QUOTA)
    fails(world.imported(over, 'tar', merge=True, **{**more, 'parent': '0' * 64}), ERROR + 'NoSuchGeneration', '0' * 64)
    same(world.state_of_content(), before)
    same(world.leftovers(), [])


def edit(world, parent, changes, data=b'', **more):
    request = {'op': 'edit', 'ref': 'overlay/a/2', 'size_max': 1000000, 'files_max': 100, 'changes': [
        dict(zip(('verb', 'path', 'size'), c)) for c in changes], **more}
    if parent:
        request['parent'] = parent
    with open(saved(world, data), 'rb') as f:
        return world.run(request, stdin=f)


@test
def edits_are_one_generation_or_none(world):
    first = works(edit(world, None, [('write', 'a/b/c', 3), ('write', 'run', 0)], b'one', ref='overlay/a/1'))
    parent = first.result['commit']
    same(sorted(tree_of(world.checkout(first))), ['a', 'a/b', 'a/b/c', 'run'])
    second = works(edit(world, parent, [('write', 'a/b/c', 3), ('write', 'n', 2), ('remove', 'run'), ('write', 'run', 1),
                                        ('write', 'a/x', 1), ('remove', 'a/b')], b'twono!.'))
    same(sorted(tree_of(world.checkout(second))), ['a', 'a/x', 'n', 'run'])
    with open(f'{world.checkout(second)}/n', 'rb') as f:
        same(f.read(), b'no')
    same(second.result['files'], 3)
    same(second.result['size'], 4)
    before = world.state_of_content()
    for changes, data, name, words in (
            ([('remove', 'missing')], b'', ERROR + 'FileNotFound', ['missing']),
            ([('remove', 'a/missing/x')], b'', ERROR + 'FileNotFound', ['a/missing/x']),
            ([('write', 'new', 1), ('remove', 'missing')], b'x', ERROR + 'FileNotFound', ['missing']),
            ([('write', 'a', 1)], b'x', INVALID_CONTENT, ["'a'", 'directory']),
            ([('write', 'run/x', 1)], b'x', INVALID_CONTENT, ['run/x']),
            ([('write', 'x', 5)], b'abc', INVALID_CONTENT, ["'x'", 'smaller']),
            ([('write', 'x', 2)], b'abc', INVALID_ARGS, ['more input']),
            ([('write', 'x', 1000001)], b'', QUOTA, ["'x'"]),
            ([('write', f'f{i}', 0) for i in range(101)], b'', QUOTA, ['100'])):
        fails(edit(world, parent, changes, data), name, *words)
        same(world.state_of_content(), before)
        same(world.leftovers(), [])


@test
def a_file_that_is_written_anew_stays_executable(world):
    source = world.new()
    write(f'{source}/run', b'1', 0o755)
    commit = works(world.imported(own(source), 'directory')).result['commit']
    edited = works(edit(world, commit, [('write', 'run', 1)], b'2'))
    same(os.stat(f'{world.checkout(edited)}/run').st_mode & 0o777, 0o755)


@test
def the_build_of_an_installation_is_reported(world):
    for content, expected in (
            (b'"AppState"\n{\n\t"appid"\t\t"222860"\n\t"buildid"\t\t"8153420"\n\t"x" { "buildid" "9" }\n}\n', '8153420'),
            (b'"AppState"\n{\n\t"x"\n\t{\n\t\t"buildid"\t\t"1"\n\t}\n}\n', None),
            (b'"AppState" { "buildid" "12a" }', None), (b'"AppState" { "buildid" "' + b'1' * 21 + b'" }', None),
            (b'"AppState" { "buildid" "', None), (b'', None), (b'"buildid" "1"', None),
            (b'"AppState" { "name" "buildid" "buildid" "5" }', None)):
        outcome = works(world.imported(saved(world, tar_bytes([('steamapps/appmanifest_222860.acf', {}, content)])), 'tar',
                                       ref='installation/1'))
        same(outcome.result.get('buildid'), expected, content)


@test
def export_and_import_give_the_same_bytes(world):
    commit = works(world.imported(sample(world.new()), 'directory')).result['commit']
    long_name = 'n' * 200 + '/' + 'é' * 60
    commit = works(edit(world, commit, [('write', long_name, 3)], b'abc', ref='overlay/a/9')).result['commit']

    def export(c):
        path = world.new('.tar')
        with open(path, 'wb') as f:
            size = works(world.run({'op': 'export', 'commit': c, 'target': 'stdin'}, stdin=f)).result['size']
        with open(path, 'rb') as f:
            data = f.read()
        same(len(data), size)
        return path, data
    path, first = export(commit)
    again = works(world.imported(path, 'tar', ref='overlay/b/1')).result['commit']
    same(again, commit)
    same(export(again)[1] == first, True, 'equal bytes')
    with tarfile.open(path) as t:
        for m in t:
            same((m.mtime, m.uid, m.gid, m.uname, m.gname), (0, 0, 0, '', ''), m.name)
    works(world.run({'op': 'export', 'commit': commit, 'target': 'path', 'path': 'out.tar'}))
    with open(world.path('spool', 'out.tar'), 'rb') as f:
        same(f.read() == first, True, 'equal bytes in the spool')
    same(os.stat(world.path('spool', 'out.tar')).st_mode & 0o777, 0o640)


@test
def a_failed_export_leaves_no_file(world):
    commit = works(world.imported(sample(world.new()), 'directory')).result['commit']
    write(world.path('spool', 'there'), b'mine')
    os.symlink('/tmp', world.path('spool', 'link'))
    request = {'op': 'export', 'commit': commit, 'target': 'path'}
    fails(world.run({**request, 'path': 'there'}), ERROR + 'Exists', 'there')
    fails(world.run({**request, 'path': 'link'}), ERROR + 'Exists', 'link')
    fails(world.run({**request, 'path': 'link/x'}), INVALID_ARGS)
    fails(world.run({**request, 'path': 'missing/x'}), ERROR + 'FileNotFound')
    fails(world.run({**request, 'path': 'x', 'commit': '1' * 64}), ERROR + 'NoSuchGeneration')
    same(sorted(os.listdir(world.path('spool'))), ['link', 'there'])
    with open(world.path('spool', 'there'), 'rb') as f:
        same(f.read(), b'mine')
    r, w = os.pipe()
    os.close(r)
    fails(world.run({'op': 'export', 'commit': commit, 'target': 'stdin'}, stdin=w), ERROR + 'StoreFailed', 'reader')
    os.close(w)
    full = os.open('/dev/full', os.O_WRONLY)
    fails(world.run({'op': 'export', 'commit': commit, 'target': 'stdin'}, stdin=full), ERROR + 'StoreFailed', 'space')
    os.close(full)


def server(world, name):
    for part in ('generated', 'upper/left4dead2/cfg', 'work'):
        os.makedirs(world.path('servers', name, part))
    write(world.path('servers', name, 'upper/left4dead2/cfg/x'))
    return world.path('servers', name)


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
def prune_frees_what_nothing_names(world):
    kept = works(world.imported(saved(world, tar_bytes([('a', {}, b'a' * 1000), ('b', {}, b'b' * 2000)])), 'tar'))
    gone = works(world.imported(saved(world, tar_bytes([('a', {}, b'a' * 1000), ('c', {}, os.urandom(50000))])), 'tar',
                                ref='overlay/a/2'))
    objects = count_objects(world)
    keep = [{'ref': 'overlay/a/1', 'commit': kept.result['commit']}]
    both = [kept.result['commit'], gone.result['commit']]
    fails(world.run({'op': 'prune', 'keep': keep + [{'ref': 'overlay/a/3', 'commit': '2' * 64}], 'checkouts': []}),
          ERROR + 'NoSuchGeneration', 'overlay/a/3')
    fails(world.run({'op': 'prune', 'keep': keep + keep, 'checkouts': []}), INVALID_ARGS)
    same(count_objects(world), objects)
    first = works(world.run({'op': 'prune', 'keep': keep, 'checkouts': both}))
    same(world.refs(), {'overlay/a/1': kept.result['commit']})
    same(first.result['objects'], objects - count_objects(world))
    same(first.result['objects'], 3, 'commit, root, file')
    same(first.result['bytes'] >= 50000, True)
    with open(f'{world.checkout(gone)}/c', 'rb') as f:
        same(len(f.read()), 50000, 'a checkout in use lives on')
    works(world.run({'op': 'prune', 'keep': keep, 'checkouts': both[:1]}))
    same(os.listdir(world.path('checkouts')), both[:1])
    moved = [{'ref': 'overlay/b/7', 'commit': kept.result['commit']}]
    works(world.run({'op': 'prune', 'keep': moved, 'checkouts': both[:1]}))
    same(world.refs(), {'overlay/b/7': kept.result['commit']})
    same(works(world.run({'op': 'verify'})).result['objects'], count_objects(world))
    works(world.run({'op': 'prune', 'keep': [], 'checkouts': []}))
    same((world.state_of_content(), count_objects(world)), (({}, []), 0))


def count_objects(world):
    return sum(len(files) for _, _, files in os.walk(world.path('repo', 'objects')))


def object_of(world, path):
    inode = os.lstat(path).st_ino
    for directory, _, files in os.walk(world.path('repo', 'objects')):
        for name in files:
            if os.lstat(os.path.join(directory, name)).st_ino == inode:
                return os.path.join(directory, name)
    raise AssertionError(f'{path} is no object')


@test
def a_missing_checkout_is_made_again(world):
    source = sample(world.new())
    outcome = works(world.imported(source, 'directory'))
    works(world.run({'op': 'prune', 'keep': [{'ref': 'overlay/a/1', 'commit': outcome.result['commit']}],
                     'checkouts': []}))
    same(os.listdir(world.path('checkouts')), [])
    for _ in range(2):
        again = works(world.run({'op': 'checkout', 'commit': outcome.result['commit']}))
        same(again.result, {'commit': outcome.result['commit']})
        same(tree_of(world.checkout(outcome)), tree_of(source))
    fails(world.run({'op': 'checkout', 'commit': '3' * 64}), ERROR + 'NoSuchGeneration')


@test
def verify_finds_every_kind_of_damage(world):
    outcome = works(world.imported(sample(world.new()), 'directory', ref='overlay/b/4'))
    works(world.imported(saved(world, tar_bytes([X])), 'tar', ref='overlay/a/1'))
    works(world.run({'op': 'verify'}))
    checkout = world.checkout(outcome)

    def damaged(*words):
        return fails(world.run({'op': 'verify'}), ERROR + 'StoreFailed', 'overlay/b/4', *words)
    path = object_of(world, f'{checkout}/left4dead2/addons/map.vpk')
    flip(path)
    damaged(os.path.basename(path)[:-5])
    flip(path)
    works(world.run({'op': 'verify'}))
    os.rename(path, path + 'x')
    damaged()
    os.rename(path + 'x', path)
    write(f'{checkout}/more')
    damaged('not in the commit')
    os.unlink(f'{checkout}/more')
    os.rename(f'{checkout}/srcds_run', f'{checkout}/srcds_ruN')
    damaged('srcds_run', 'missing')
    write(f'{checkout}/srcds_run', b'#!/bin/sh\n#', 0o755)
    os.unlink(f'{checkout}/srcds_ruN')
    damaged('srcds_run', 'differs')
    write(f'{checkout}/srcds_run', b'#!/bin/sh\n', 0o755)
    works(world.run({'op': 'verify'}))


def flip(path):
    with open(path, 'r+b') as f:
        f.seek(1000)
        byte = f.read(1)
        f.seek(1000)
        f.write(bytes([byte[0] ^ 1]))


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
    second = world.start({'op': 'verify'})  # waits for the lock of the first
    second_output = world.output
    time.sleep(0.3)
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


def wait_for_transaction(world):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        tmp = world.path('repo', 'tmp')
        if os.path.isdir(tmp) and any(n.startswith('staging') for n in os.listdir(tmp)):
            return
        time.sleep(0.01)
    raise AssertionError('no transaction was begun')


@test
def runs_wait_for_each_other(world):
    archives = [saved(world, tar_bytes([(f'f{i}', {}, os.urandom(100000))])) for i in range(5)]
    processes = []
    for i, path in enumerate(archives):
        with open(path, 'rb') as f:
            processes.append((world.start({'op': 'import', 'ref': f'overlay/a/{i + 1}', 'format': 'tar', 'source': 'stdin',
                                           'size_max': 1 << 20, 'files_max': 10}, stdin=f), world.output))
    for process, output in processes:
        world.output = output
        works(world.finish(process))
    same(len(world.refs()), 5)
    works(world.run({'op': 'verify'}))


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


@test
def progress_is_told_but_not_too_often(world):
    source = world.new()
    write(f'{source}/big', os.urandom(30 << 20))
    start = time.monotonic()
    outcome = works(world.imported(own(source), 'directory'))
    took = time.monotonic() - start
    progress = [line['progress'] for line in outcome.lines if 'progress' in line]
    same(0 < len(progress) <= took / 0.1 + 1, True, f'{len(progress)} lines in {took:.1f} s')
    same({p['total'] for p in progress}, {30 << 20})
    same([p['done'] for p in progress], sorted(p['done'] for p in progress))


def limits(**names):
    import resource

    def apply():
        for name, value in names.items():
            resource.setrlimit(getattr(resource, name), (value, value))
    return apply


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


def main():
    enter_namespace()
    return test.main(World(sys.argv[1]))


if __name__ == '__main__':
    sys.exit(main())

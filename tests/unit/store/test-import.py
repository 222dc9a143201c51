#!/usr/bin/python3
"""What an import takes, and what it refuses: nothing hostile becomes a generation.
Runs the program as its unit does; argv[1] is the program, further arguments are names of tests."""
import io
import os
import random
import stat
import subprocess
import sys
import tarfile
import time
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from content import DIR, X, fails, hard, link, same, sample, saved, tar_bytes, works, zip_bytes  # noqa: E402
from world import Tap, ERROR, INVALID_ARGS, INVALID_CONTENT, QUOTA, own, privileged, tree_of, write  # noqa: E402

test = Tap()


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


if __name__ == '__main__':
    sys.exit(test.main())

#!/usr/bin/python3
"""Work on generations that are there: merge, edit, export, prune, checkout, verify.
Runs the program as its unit does; argv[1] is the program, further arguments are names of tests."""
import os
import sys
import tarfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from content import X, edit, fails, link, same, sample, saved, tar_bytes, works  # noqa: E402
from world import Tap, ERROR, INVALID_ARGS, INVALID_CONTENT, QUOTA, own, tree_of, write  # noqa: E402

test = Tap()


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


def count_objects(world):
    return sum(len(files) for _, _, files in os.walk(world.path('repo', 'objects')))


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


def object_of(world, path):
    inode = os.lstat(path).st_ino
    for directory, _, files in os.walk(world.path('repo', 'objects')):
        for name in files:
            if os.lstat(os.path.join(directory, name)).st_ino == inode:
                return os.path.join(directory, name)
    raise AssertionError(f'{path} is no object')


def flip(path):
    with open(path, 'r+b') as f:
        f.seek(1000)
        byte = f.read(1)
        f.seek(1000)
        f.write(bytes([byte[0] ^ 1]))


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


if __name__ == '__main__':
    sys.exit(test.main())

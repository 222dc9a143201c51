"""What the tests of left4me-store share: content to import, and what is expected of a run."""
import io
import os
import tarfile
import zipfile

from world import own, write


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


X = ('x', {}, b'x')


def edit(world, parent, changes, data=b'', **more):
    request = {'op': 'edit', 'ref': 'overlay/a/2', 'size_max': 1000000, 'files_max': 100, 'changes': [
        dict(zip(('verb', 'path', 'size'), c)) for c in changes], **more}
    if parent:
        request['parent'] = parent
    with open(saved(world, data), 'rb') as f:
        return world.run(request, stdin=f)


def server(world, name):
    for part in ('generated', 'upper/left4dead2/cfg', 'work'):
        os.makedirs(world.path('servers', name, part))
    write(world.path('servers', name, 'upper/left4dead2/cfg/x'))
    return world.path('servers', name)

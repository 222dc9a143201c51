"""One caller on the system bus: makes the calls that its parent writes to it, one JSON line each, and answers with one.

Runs as the user whose calls they are, so that the bus, polkit and the manager see that user. A request is
[path, interface, method, signature, arguments, timeout]; a "v" in the arguments is [signature, value], an "h" is
[path, "r" or "w"]. The answer is {"result": ...} or {"error": name, "message": text}.
"""
import json
import os
import sys

import dbus

NUMBERS = {"y": dbus.Byte, "n": dbus.Int16, "q": dbus.UInt16, "i": dbus.Int32, "u": dbus.UInt32, "x": dbus.Int64,
           "t": dbus.UInt64, "d": dbus.Double}
FLAGS = {"r": os.O_RDONLY, "w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC}


def convert(signature, value, **keywords):
    """A value of JSON as the D-Bus type that one complete signature says."""
    if signature == "v":
        return convert(value[0], value[1], variant_level=1)
    if signature in NUMBERS:
        return NUMBERS[signature](value, **keywords)
    if signature == "b":
        return dbus.Boolean(value, **keywords)
    if signature == "s":
        return dbus.String(value, **keywords)
    if signature == "o":
        return dbus.ObjectPath(value, **keywords)
    if signature == "h":
        fd = os.open(value[0], FLAGS[value[1]])
        try:
            return dbus.types.UnixFd(fd)
        finally:
            os.close(fd)
    if signature == "ay":
        return dbus.ByteArray(value.encode("latin-1"), **keywords)
    if signature.startswith("a{"):
        key, item = dbus.Signature(signature[2:-1])
        return dbus.Dictionary({convert(str(key), k): convert(str(item), v) for k, v in value.items()},
                               signature=signature[2:-1], **keywords)
    if signature.startswith("a"):
        return dbus.Array([convert(signature[1:], v) for v in value], signature=signature[1:], **keywords)
    if signature.startswith("("):
        parts = [str(part) for part in dbus.Signature(signature[1:-1])]
        return dbus.Struct([convert(p, v) for p, v in zip(parts, value)], **keywords)
    raise ValueError(signature)


def plain(value):
    """A D-Bus value as JSON has it."""
    if isinstance(value, dbus.types.UnixFd):
        with os.fdopen(value.take(), "rb") as stream:
            return stream.read().decode("latin-1")
    if isinstance(value, dbus.ByteArray):
        return bytes(value).decode("latin-1")
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dbus.Boolean):
        return bool(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    return str(value)


def answer(bus, request):
    path, interface, method, signature, arguments, timeout = request
    parts = [str(part) for part in dbus.Signature(signature)]
    try:
        values = [convert(p, a) for p, a in zip(parts, arguments, strict=True)]
        result = bus.call_blocking("org.left4me.Manager", path, interface, method, signature, values,
                                   timeout=timeout, byte_arrays=True)
        return {"result": plain(result)}
    except dbus.DBusException as error:
        return {"error": error.get_dbus_name(), "message": error.get_dbus_message()}


def main():
    bus = dbus.SystemBus(private=True)
    bus.set_exit_on_disconnect(False)
    for line in sys.stdin:
        print(json.dumps(answer(bus, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()

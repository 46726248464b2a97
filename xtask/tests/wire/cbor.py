"""CBOR, as little of it as AWS's protocol has: read strictly, so that what boto3's own reader forgives is seen.

https://www.rfc-editor.org/rfc/rfc8949
"""

import struct


class Moment(float):
    """Seconds since 1970, which carry the tag for it."""


def decode(body):
    """The value that a body is, and nothing after it."""
    value, end = _item(body, 0)
    if end != len(body):
        raise ValueError(f"{len(body) - end} bytes follow the value")
    return value


def encode(value):
    """For answers that are wrong on purpose."""
    if isinstance(value, Moment):
        return b"\xc1" + encode(float(value))
    if isinstance(value, bool) or value is None:
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
    if isinstance(value, int):
        return b"\x1b" + struct.pack(">Q", value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"\x78" + bytes([len(value.encode())]) + value.encode()
    if isinstance(value, list):
        return bytes([0x80 + len(value)]) + b"".join(map(encode, value))
    return bytes([0xA0 + len(value)]) + b"".join(encode(name) + encode(member) for name, member in value.items())


def _item(body, at):
    major, short = body[at] >> 5, body[at] & 31
    at += 1
    if major == 7:
        if short in (20, 21, 22):
            return {20: False, 21: True, 22: None}[short], at
        size, form = {26: (4, ">f"), 27: (8, ">d")}[short]
        return struct.unpack(form, body[at : at + size])[0], at + size
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(short, 0)
    argument = int.from_bytes(body[at : at + size], "big") if size else short
    at += size
    if major == 0:
        return argument, at
    if major == 1:
        return -1 - argument, at
    if major == 3:
        return body[at : at + argument].decode(), at + argument
    if major == 4:
        items = []
        for _ in range(argument):
            item, at = _item(body, at)
            items.append(item)
        return items, at
    if major == 5:
        members = {}
        for _ in range(argument):
            name, at = _item(body, at)
            if name in members:
                raise ValueError(f"{name} stands twice")
            members[name], at = _item(body, at)
        return members, at
    if major == 6 and argument == 1:
        value, at = _item(body, at)
        return Moment(value), at
    raise ValueError(f"an item of type {major} with {argument}")

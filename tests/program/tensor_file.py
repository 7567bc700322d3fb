"""Reads and damages safetensors files: eight bytes with the header's length, a JSON header, the tensors' bytes."""

import json
import struct


def read(path):
    data = path.read_bytes()
    end = 8 + struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:end]), bytearray(data[end:])


def write(path, header, body):
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(body))


def rename(path, name, other):
    header, body = read(path)
    header[other] = header.pop(name)
    write(path, header, body)


def transpose_shape(path, name):
    header, body = read(path)
    header[name]["shape"].reverse()
    write(path, header, body)


def scale_largest_entry(path, name, factor):
    """Of a float64 tensor."""
    header, body = read(path)
    assert header[name]["dtype"] == "F64"
    begin, end = header[name]["data_offsets"]
    values = list(struct.unpack(f"<{(end - begin) // 8}d", body[begin:end]))
    at = max(range(len(values)), key=lambda i: abs(values[i]))
    values[at] *= factor
    body[begin:end] = struct.pack(f"<{len(values)}d", *values)
    write(path, header, body)


def fill(path, name, value):
    """Every element of an int64 tensor."""
    header, body = read(path)
    assert header[name]["dtype"] == "I64"
    begin, end = header[name]["data_offsets"]
    count = (end - begin) // 8
    body[begin:end] = struct.pack(f"<{count}q", *[value] * count)
    write(path, header, body)

"""Holds parameters against their shape in AWS's service model.

In: a shape of botocore and what wire.py has read. Out: a call of add(path, kind, text) for each violation:
required and unknown members, types, enums, bounds of lengths and numbers, patterns.
"""

import collections
import re

from .wire import UNKNOWN

checked = collections.Counter()  # what was compared, by kind
unreadable = set()  # patterns that Python cannot read

_patterns = {}
# Java's classes and code points, in Python's spelling.
_JAVA = {
    r"\p{L}": "A-Za-z\u00c0-\u024f\u0370-\u1fff\u4e00-\u9fff",
    r"\p{Z}": " \u00a0",
    r"\p{N}": "0-9",
    r"\p{M}": "\u0300-\u036f",
    r"\p{S}": "+<=>|~^`$",
    r"\p{P}": "!-/:-@\\[-_{}",
    r"\p{Alnum}": "A-Za-z0-9",
    r"\p{ASCII}": "\x00-\x7f",
    r"\p{Print}": "[ -~\u00a0-\ud7ff]",
    r"\x{10FFFF}": "\U0010ffff",
    r"\u{10FFFF}": "\U0010ffff",
    r"\uD800\uDC00-\uDBFF\uDFFF": "\U00010000-\U0010ffff",
}


def _pattern(text):
    if text not in _patterns:
        python = text
        for java, other in _JAVA.items():
            python = python.replace(java, other)
        python = re.sub(r"\\u\{([0-9A-Fa-f]+)\}", lambda m: chr(int(m.group(1), 16)), python)
        try:
            _patterns[text] = re.compile(python)
        except re.error:
            unreadable.add(text)
            _patterns[text] = None
    return _patterns[text]


def validate(shape, value, path, add):
    checked["values"] += 1
    _TYPES.get(shape.type_name, _other)(shape, value, path, add)


def _structure(shape, value, path, add):
    if not isinstance(value, dict):
        return add(path, "type", f"is no structure: {value!r}")
    for name in shape.required_members:
        checked["required"] += 1
        if name not in value:
            add(f"{path}.{name}", "required", "is missing")
    for name, item in value.items():
        if name == UNKNOWN:
            for unknown in item:
                add(unknown, "unknown", "is not in the model")
        elif name in shape.members:
            validate(shape.members[name], item, f"{path}.{name}", add)
        else:
            wire = {member.serialization.get("name"): member for member in shape.members.values()}
            if name in wire:
                validate(wire[name], item, f"{path}.{name}", add)
            else:
                add(f"{path}.{name}", "unknown", f"is not a member of {shape.name}")
    if getattr(shape, "is_tagged_union", False) and len([name for name in value if name != UNKNOWN]) != 1:
        add(path, "union", f"has {len(value)} members, and takes one")


def _list(shape, value, path, add):
    if not isinstance(value, list):
        return add(path, "type", f"is no list: {value!r}")
    _bounds(shape, len(value), path, add, "items")
    for number, item in enumerate(value):
        validate(shape.member, item, f"{path}[{number}]", add)


def _map(shape, value, path, add):
    if not isinstance(value, dict):
        return add(path, "type", f"is no map: {value!r}")
    _bounds(shape, len(value), path, add, "entries")
    for key, item in value.items():
        validate(shape.key, key, f"{path}.key({key})", add)
        validate(shape.value, item, f"{path}[{key}]", add)


def _string(shape, value, path, add):
    if not isinstance(value, str):
        return add(path, "type", f"is no text: {value!r}")
    if shape.enum:
        checked["enum"] += 1
        if value not in shape.enum:
            add(path, "enum", f"{value!r} is none of {shape.enum[:12]}")
    _bounds(shape, len(value), path, add, "characters")
    text = shape.metadata.get("pattern")
    if text and (pattern := _pattern(text)):
        checked["pattern"] += 1
        # A pattern without anchors is meant for the whole text.
        anchored = text.startswith("^") and text.endswith("$") and pattern.match(value)
        if not anchored and not pattern.fullmatch(value):
            add(path, "pattern", f"{value[:200]!r} does not match {text[:160]}")


def _whole(shape, value, path, add):
    if isinstance(value, bool) or not isinstance(value, int):
        return add(path, "type", f"is no whole number: {value!r}")
    _bounds(shape, value, path, add, "")


def _number(shape, value, path, add):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return add(path, "type", f"is no number: {value!r}")
    _bounds(shape, value, path, add, "")


def _boolean(_, value, path, add):
    if not isinstance(value, bool):
        add(path, "type", f"is no boolean: {value!r}")


def _other(shape, value, path, add):
    if shape.type_name == "blob" and isinstance(value, (bytes, str)):
        _bounds(shape, len(value), path, add, "bytes")


_TYPES = {
    "structure": _structure, "list": _list, "map": _map, "string": _string, "integer": _whole, "long": _whole,
    "float": _number, "double": _number, "boolean": _boolean,
}  # fmt: skip


def _bounds(shape, size, path, add, unit):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    for limit, outside in (
        (least, least is not None and size < least),
        (most, most is not None and size > most),
    ):
        if limit is not None:
            checked["bounds"] += 1
        if outside:
            add(path, "bounds", f"{size} {unit}, outside {least} to {most}")

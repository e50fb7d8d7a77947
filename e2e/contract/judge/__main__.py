"""python -m judge COMMAND ...: holds what the product asks of AWS against AWS's own models.

Prints one JSON object: "checked" counts what was compared, "violations" are texts (none is the goal), "notes"
are for people.
"""

import collections
import json
import re
import sys

from . import limit, policy, replacement, shape, template, wire


def requests(files):
    """Does every recorded request fit AWS's service model and the documented limits?"""
    found = collections.OrderedDict()
    operations, checked = set(), collections.Counter()
    for where, request, problem in wire.read(files):
        checked["requests"] += 1
        if problem:
            found.setdefault(problem, []).append(0)
            continue
        operations.add(request.name)

        def add(path, kind, text, request=request):
            known = f"{request.name} {re.sub(r'[0-9]+', '0', path)} [{kind}]"
            found.setdefault(known, []).append(f"{path} {text} (request {request.seq})")

        if request.operation.input_shape is not None:
            shape.validate(request.operation.input_shape, request.params, "", add)
        elif request.params:
            add("", "unknown", f"takes nothing, and got {request.params}")
        limit.check(request, add)
    checked["operations"] = len(operations)
    checked.update(shape.checked)
    return {
        "checked": checked,
        "violations": [f"{known}: {hits[0]}, {len(hits)} times" for known, hits in found.items()],
        "notes": [f"pattern not read: {text}" for text in sorted(shape.unreadable)] + sorted(operations),
    }


COMMANDS = {
    "requests": requests,
    "policies": policy.printed,
    "carried": policy.carried,
    "template": template.check,
    "replacement": replacement.check,
}


def main():
    print(json.dumps(COMMANDS[sys.argv[1]](sys.argv[2:]), indent=1))


main()

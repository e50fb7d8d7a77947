"""Reads recorded requests back into the parameters that AWS would see, by botocore's service models.

In: lines of a transcript (proxy.Exchange). Out: one Request each: service, operation model, parameters. What
does not fit a model is kept under UNKNOWN, so that shape.py can tell of it. Nothing is judged here.
"""

import base64
import functools
import gzip
import json
import re
import urllib.parse
import xml.etree.ElementTree as ET

import botocore.parsers
import botocore.session

UNKNOWN = "__unknown__"

# The name in a signature, where botocore calls the service otherwise.
SERVICES = {
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
    "tagging": "resourcegroupstaggingapi",
}

_session = botocore.session.get_session()
_models = {}


class Unreadable(Exception):
    """The request cannot be understood with AWS's model."""


class Request:
    """One recorded request: what was asked, and what was answered."""

    def __init__(self, exchange):
        self.seq = exchange["seq"]
        self.service = exchange["service"]
        self.status = exchange["status"]
        self.method = exchange["method"]
        uri = urllib.parse.urlsplit(exchange["uri"])
        self.path = uri.path
        self.query = urllib.parse.parse_qs(uri.query, keep_blank_values=True)
        self.header = {name.lower(): ",".join(values) for name, values in exchange["header"].items()}
        self.body = _plain(base64.b64decode(exchange["body"] or ""), self.header)
        self._answer = base64.b64decode(exchange["answer"] or "")
        self.model = model(self.service)
        self.operation, self.params = _decode(self, exchange["operation"])

    @property
    def name(self):
        return f"{self.service}:{self.operation.name}"

    def answer(self):
        """What AWS answered, as botocore gives it to its users."""
        if self.operation.output_shape is None:
            return {}
        parser = botocore.parsers.create_parser(_protocol(self))
        response = {"status_code": self.status, "headers": {}, "body": self._answer}
        return parser.parse(response, self.operation.output_shape)


def model(service):
    """The botocore service model of a name as signatures have it."""
    if service not in _models:
        _models[service] = _session.get_service_model(SERVICES.get(service, service))
    return _models[service]


def _plain(body, header):
    encoding = header.get("content-encoding", "")
    if "gzip" in encoding:
        body = gzip.decompress(body)
    if "aws-chunked" in encoding or header.get("x-amz-content-sha256", "").startswith("STREAMING"):
        body = _unchunked(body)
    return body


def _unchunked(data):
    out = b""
    while data:
        head, _, data = data.partition(b"\r\n")
        size = int(head.split(b";")[0], 16)
        if size == 0:
            break
        out, data = out + data[:size], data[size + 2 :]
    return out


def _protocol(request):
    """The protocol that the request is written in. Services have several, and the model names botocore's choice."""
    kind = request.header.get("content-type", "")
    if kind.startswith("application/x-amz-json"):
        return "json"
    if kind.startswith("application/cbor"):
        return "smithy-rpc-v2-cbor"
    if kind.startswith("application/x-www-form-urlencoded"):
        return "ec2" if request.model.service_name == "ec2" else "query"
    return request.model.protocol


def _decode(request, operation):
    kind = _protocol(request)
    if kind == "rest-xml":
        return _rest(request, _xml_body)
    if kind == "rest-json":
        return _rest(request, _json_body)
    if operation not in request.model.operation_names:
        raise Unreadable(f"{request.model.service_name} has no operation {operation}")
    found = request.model.operation_model(operation)
    if kind == "json":
        return found, json.loads(request.body or b"{}")
    if kind == "smithy-rpc-v2-cbor":
        parser = botocore.parsers.create_parser(kind)
        stream = parser.get_peekable_stream_from_bytes(request.body)
        return found, parser.parse_data_item(stream) if request.body else {}
    if kind in ("query", "ec2"):
        return found, _query(request, found, kind == "ec2")
    raise Unreadable(f"the protocol {kind} is not read here yet")


# ---- query and ec2: a form


def _query(request, operation, ec2):
    form = {
        key: values[0]
        for key, values in urllib.parse.parse_qs(request.body.decode(), keep_blank_values=True).items()
    }
    if form.pop("Version", None) != request.model.api_version:
        raise Unreadable(f"the version is not {request.model.api_version}")
    form.pop("Action")
    used = set()
    params = _form(operation.input_shape, form, "", used, ec2) if operation.input_shape else {}
    unknown = sorted(set(form) - used)
    if unknown:
        params[UNKNOWN] = unknown
    return params


def _form(shape, form, prefix, used, ec2):
    if shape.type_name == "structure":
        out = {}
        for name, member in shape.members.items():
            key = (prefix + "." if prefix else "") + _form_name(name, member, ec2)
            if any(have == key or have.startswith(key + ".") for have in form):
                out[name] = _form(member, form, key, used, ec2)
        return out
    if shape.type_name == "list":
        return _form_list(shape, form, prefix, used, ec2)
    if shape.type_name == "map":
        base = prefix if shape.serialization.get("flattened") else prefix + ".entry"
        key_name, value_name = shape.key.serialization.get("name", "key"), shape.value.serialization.get(
            "name", "value"
        )
        out, number = {}, 1
        while (key := f"{base}.{number}.{key_name}") in form:
            used.add(key)
            out[form[key]] = _form(shape.value, form, f"{base}.{number}.{value_name}", used, ec2)
            number += 1
        return out
    used.add(prefix)
    return _scalar(shape, form.get(prefix, ""))


def _form_name(name, member, ec2):
    wire = member.serialization
    if not ec2:
        return wire.get("name", name)
    text = wire.get("queryName") or wire.get("name") or name
    return text[0].upper() + text[1:]


def _form_list(shape, form, prefix, used, ec2):
    element = shape.member.serialization.get("name")
    if ec2:
        base = prefix
    elif not shape.serialization.get("flattened"):
        base = f"{prefix}.{element or 'member'}"
    else:
        base = ".".join([*prefix.split(".")[:-1], element]) if element else prefix
    numbers = sorted(
        {int(m.group(1)) for key in form if (m := re.match(re.escape(base) + r"\.(\d+)(\.|$)", key))}
    )
    if not numbers and prefix in form:
        used.add(prefix)
    if numbers != list(range(1, len(numbers) + 1)):
        raise Unreadable(f"{prefix} has the indexes {numbers}")
    return [_form(shape.member, form, f"{base}.{number}", used, ec2) for number in numbers]


def _scalar(shape, text):
    try:
        if shape.type_name in ("integer", "long"):
            return int(text)
        if shape.type_name in ("float", "double"):
            return float(text)
    except ValueError:
        return text  # shape.py says that it is none
    if shape.type_name == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if shape.type_name == "blob":
        return base64.b64decode(text)
    return text


# ---- REST: method, path, query and headers, XML or JSON


def _located(shape, place):
    return {
        name: (member, member.serialization.get("name", name))
        for name, member in (shape.members.items() if shape else [])
        if member.serialization.get("location") == place
    }


def _group(name):
    """A name in a path, such as {Key+}, as that of a group in a pattern."""
    return re.sub(r"[^A-Za-z0-9]", "_", name.rstrip("+"))


@functools.lru_cache(None)
def _template(uri):
    """The path of an operation as a pattern, and what its query has always."""
    path, _, query = uri.partition("?")
    pattern = ""
    for part in re.split(r"(\{[^}]+\})", path.rstrip("/")):
        if part.startswith("{"):
            pattern += f"(?P<{_group(part[1:-1])}>{'.+' if part.endswith('+}') else '[^/]+'})"
        else:
            pattern += re.escape(part)
    return re.compile(pattern + "/?"), urllib.parse.parse_qs(query, keep_blank_values=True)


def _rest_operation(request):
    """The operation whose method, path and literal query fit best; x-id and required members decide between equals."""
    best = None
    for name in request.model.operation_names:
        operation = request.model.operation_model(name)
        if operation.http["method"] != request.method or operation.deprecated:
            continue
        pattern, literal = _template(operation.http["requestUri"])
        match = pattern.fullmatch(request.path)
        if not match or any(
            k not in request.query or v not in ([""], request.query[k]) for k, v in literal.items()
        ):
            continue
        shape = operation.input_shape
        required = shape.required_members if shape else []
        queries = [wire for n, (_, wire) in _located(shape, "querystring").items() if n in required]
        headers = [wire.lower() for n, (_, wire) in _located(shape, "header").items() if n in required]
        if any(q not in request.query for q in queries) or any(h not in request.header for h in headers):
            continue
        fixed = len(request.path) - sum(len(text) for text in match.groups())
        score = (name == request.query.get("x-id", [""])[0], fixed, len(literal), len(queries) + len(headers))
        if best is None or score > best[0]:
            best = (score, operation, match.groupdict(), set(literal))
    if best is None:
        service = request.model.service_name
        raise Unreadable(
            f"no operation of {service} fits {request.method} {request.path}?{'&'.join(request.query)}"
        )
    return best[1:]


def _rest(request, body_of):
    """body_of reads a structure out of the body: XML or JSON."""
    operation, path, known = _rest_operation(request)
    shape, params, unknown = operation.input_shape, {}, []
    known |= {"x-id"}
    for name, (_, wire) in _located(shape, "uri").items():
        params[name] = urllib.parse.unquote(path[_group(wire)])
    for name, (member, wire) in _located(shape, "querystring").items():
        known.add(wire)
        if (texts := request.query.get(wire)) is not None:
            params[name] = texts if member.type_name == "list" else _scalar(member, texts[0])
    for name, (member, wire) in _located(shape, "header").items():
        if (text := request.header.get(wire.lower())) is not None:
            params[name] = text.split(",") if member.type_name == "list" else _scalar(member, text)
    for name, (_, wire) in _located(shape, "headers").items():
        found = {k[len(wire) :]: v for k, v in request.header.items() if k.startswith(wire.lower())}
        if found:
            params[name] = found
    unknown += [f"?{query}" for query in request.query if query not in known]
    payload = shape.serialization.get("payload") if shape else None
    if payload and request.body:
        member = shape.members[payload]
        if member.type_name == "structure":
            params[payload] = body_of(member, request.body, unknown)
        else:
            params[payload] = request.body if member.type_name == "blob" else request.body.decode()
    elif request.body and shape:
        params.update(body_of(shape, request.body, unknown))
    if unknown:
        params[UNKNOWN] = unknown
    return operation, params


def _xml_body(shape, body, unknown):
    return _xml(shape, ET.fromstring(body), unknown)


def _json_body(_, body, __):
    return json.loads(body)


def _xml(shape, node, unknown):
    if shape.type_name == "list":
        return [_xml(shape.member, child, unknown) for child in node]
    if shape.type_name != "structure":
        return _scalar(shape, node.text or "")
    out, known = {}, set()
    for name, member in shape.members.items():
        wire = member.serialization.get("name", name)
        if member.serialization.get("xmlAttribute"):
            continue
        flat = member.type_name == "list" and member.serialization.get("flattened")
        if flat:
            wire = member.serialization.get("name", member.member.serialization.get("name", name))
        known.add(wire)
        nodes = [child for child in node if _local(child.tag) == wire]
        if nodes:
            out[name] = (
                [_xml(member.member, child, unknown) for child in nodes]
                if flat
                else _xml(member, nodes[0], unknown)
            )
    unknown += [
        f"<{_local(node.tag)}><{_local(child.tag)}>" for child in node if _local(child.tag) not in known
    ]
    return out


def _local(tag):
    return tag.rsplit("}", 1)[-1]


def read(files):
    """Yields a Request, or the error, of every line."""
    for file in files:
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                exchange = json.loads(line)
                where = f"{exchange['service']}:{exchange['operation']}"
                try:
                    yield where, Request(exchange), None
                except (Unreadable, ValueError, KeyError, ET.ParseError) as problem:
                    yield where, None, f"{where} {exchange['method']} {exchange['uri'][:100]}: {problem!r}"

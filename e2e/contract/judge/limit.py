"""Limits that AWS documents and its service models do not hold.

In: the name and the parameters of one request. Out: a call of add(path, kind, text) for each violation. One
function per service, found by the name in signatures; each says where the limit is documented when that is
not the API reference of the operation.
"""

import json
import re


def check(request, add):
    def violation(path, text):
        add(path, "limit", text)

    for judge in (_tags, _SERVICES.get(request.service)):
        if judge is None:
            continue
        try:
            judge(request.operation.name, request.params, violation)
        except (KeyError, ValueError, TypeError) as problem:
            violation("", f"cannot be judged: {problem!r}")


def walk(value, path=""):
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, f"{path}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from walk(item, f"{path}[{number}]")


# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html#id_tags_naming_best_practices
_TAG = re.compile(r"[\w\s.:/=+\-@]*")
_MOST_TAGS = 50


def tags(params):
    """All tags that a request carries, whatever the service calls the field."""
    out = []
    for path, value in walk(params):
        if not isinstance(value, dict) or ".Attributes" in path:
            continue
        if {name.lower() for name in value} == {"key", "value"}:
            pair = {name.lower(): item for name, item in value.items()}
            out.append((pair["key"], pair["value"]))
        elif path.lower().endswith(".tags"):
            out += [(key, text) for key, text in value.items() if isinstance(text, str)]
    return out


def _tags(_, params, add):
    found = tags(params)
    for key, text in found:
        if key.lower().startswith("aws:"):
            add(f"tag {key}", "the prefix aws: is AWS's own")
        if not 0 < len(key) <= 128 or len(text) > 256:
            add(f"tag {key}", "is longer than 128 (key) or 256 (value) characters")
        if not _TAG.fullmatch(key) or not _TAG.fullmatch(text):
            add(f"tag {key}", f"has characters that tags do not take: {text!r}")
    if len(found) > _MOST_TAGS:
        add("tags", f"{len(found)} tags, and an object takes {_MOST_TAGS}")


_BALANCER_ATTRIBUTES = {
    "deletion_protection.enabled", "idle_timeout.timeout_seconds", "routing.http.desync_mitigation_mode",
    "routing.http.drop_invalid_header_fields.enabled", "routing.http2.enabled",
    "access_logs.s3.enabled", "access_logs.s3.bucket", "access_logs.s3.prefix",
}  # fmt: skip
_GROUP_ATTRIBUTES = {
    "deregistration_delay.timeout_seconds", "slow_start.duration_seconds", "stickiness.enabled", "stickiness.type",
    "stickiness.lb_cookie.duration_seconds", "load_balancing.algorithm.type",
}  # fmt: skip
_CONDITIONS = {
    "PathPatternConfig": re.compile(r"""[A-Za-z0-9_\-.$/~"'@:+&*?]{1,128}"""),
    "HostHeaderConfig": re.compile(r"[A-Za-z0-9\-.*?]{1,128}"),
}


def _elb(operation, params, add):
    name = params.get("Name")
    if operation in ("CreateLoadBalancer", "CreateTargetGroup"):
        if not re.fullmatch(r"(?!internal-|-)[A-Za-z0-9-]{1,32}(?<!-)", name):
            add("Name", f"{name!r} cannot be a name")
    if operation in ("ModifyLoadBalancerAttributes", "ModifyTargetGroupAttributes"):
        known = _BALANCER_ATTRIBUTES if "LoadBalancer" in operation else _GROUP_ATTRIBUTES
        given = {attribute["Key"]: attribute["Value"] for attribute in params["Attributes"]}
        for key in sorted(set(given) - known):
            add("Attributes", f"the attribute {key} is not known here")
        if not 0 <= int(given.get("deregistration_delay.timeout_seconds", 0)) <= 3600:
            add("Attributes", "deregistration_delay.timeout_seconds is outside 0 to 3600")
        slow = int(given.get("slow_start.duration_seconds", 0))
        if slow and not 30 <= slow <= 900:
            add("Attributes", "slow_start.duration_seconds is outside 30 to 900")
    if operation in ("CreateRule", "ModifyRule"):
        values = []
        for condition in params.get("Conditions", []):
            for kind, pattern in _CONDITIONS.items():
                for text in condition.get(kind, {}).get("Values", []):
                    values.append(text)
                    if not pattern.fullmatch(text):
                        add(f"Conditions.{kind}", f"{text!r} cannot be one")
        wildcards = sum(text.count("*") + text.count("?") for text in values)
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
        if len(values) > 5:
            add("Conditions", f"{len(values)} values, and a rule takes 5")
        if wildcards > 6:
            add("Conditions", f"{wildcards} wildcards, and a rule takes 6")
    if operation in ("CreateTargetGroup", "ModifyTargetGroup"):
        if params.get("HealthCheckTimeoutSeconds", 0) >= params.get("HealthCheckIntervalSeconds", 301):
            add("HealthCheckTimeoutSeconds", "is not below the interval")


_QUEUE_NUMBERS = {
    "VisibilityTimeout": (0, 43200), "MessageRetentionPeriod": (60, 1209600), "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, 1048576), "ReceiveMessageWaitTimeSeconds": (0, 20),
    "KmsDataKeyReusePeriodSeconds": (60, 86400),
}  # fmt: skip


def _sqs(operation, params, add):
    attributes = params.get("Attributes", {})
    for key, text in attributes.items():
        if key in _QUEUE_NUMBERS:
            least, most = _QUEUE_NUMBERS[key]
            if not least <= int(text) <= most:
                add(f"Attributes.{key}", f"{text} is outside {least} to {most}")
        if key in ("Policy", "RedrivePolicy", "RedriveAllowPolicy") and text:
            json.loads(text)
    if operation == "CreateQueue":
        name = params["QueueName"]
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo", name):
            add("QueueName", f"{name!r} cannot be a name")
        if name.endswith(".fifo") != (attributes.get("FifoQueue") == "true"):
            add("Attributes.FifoQueue", f"does not go with the name {name}")
        if "FifoQueue" in attributes and attributes["FifoQueue"] != "true":
            add("Attributes.FifoQueue", "is true or left out")


_GROUP_TEXT = re.compile(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}")


def _ec2(operation, params, add):
    for path, value in walk(params):
        if path.endswith(".Description") and not _GROUP_TEXT.fullmatch(value):
            add(path, f"{value!r} cannot be a description")
    if operation == "CreateSecurityGroup":
        name = params["GroupName"]
        if name.startswith("sg-") or not _GROUP_TEXT.fullmatch(name):
            add("GroupName", f"{name!r} cannot be a name")


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BUCKET_END = re.compile(r"-s3alias$|--ol-s3$|\.mrap$|--x-s3$|--table-s3$")


def _s3(operation, params, add):
    if operation == "CreateBucket":
        name = params["Bucket"]
        if not _BUCKET.fullmatch(name) or ".." in name or _BUCKET_END.search(name):
            add("Bucket", f"{name!r} cannot be a name")
        if params.get("CreateBucketConfiguration", {}).get("LocationConstraint") == "us-east-1":
            add("CreateBucketConfiguration", "us-east-1 is refused: it is left out")
    if operation == "PutBucketLifecycleConfiguration":
        for rule in params["LifecycleConfiguration"]["Rules"]:
            _lifecycle(rule, add)
    if operation == "PutBucketPolicy":
        if len(params["Policy"]) > 20480:
            add("Policy", "is above 20 KB")


def _lifecycle(rule, add):
    expires, last = rule.get("Expiration", {}).get("Days"), -1
    for move in rule.get("Transitions", []):
        days, to = move["Days"], move["StorageClass"]
        if to in ("STANDARD_IA", "ONEZONE_IA") and days < 30:
            add("Transitions", f"{to} before 30 days")
        if days <= last:
            add("Transitions", "do not rise")
        if expires and expires <= days:
            add("Expiration", f"{expires} days are not after the transition at {days}")
        last = days
    if len(rule.get("ID", "")) > 255:
        add("ID", "is longer than 255 characters")


# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
_FARGATE = {
    256: [512, 1024, 2048], 512: range(1024, 4097, 1024), 1024: range(2048, 8193, 1024), 2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024), 8192: range(16384, 61441, 4096), 16384: range(32768, 122881, 8192),
}  # fmt: skip
_LOG_OPTIONS = {
    "awslogs-group", "awslogs-region", "awslogs-stream-prefix", "mode", "max-buffer-size", "awslogs-create-group",
    "awslogs-datetime-format", "awslogs-multiline-pattern",
}  # fmt: skip
_HEALTH = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}


def _ecs(operation, params, add):
    if operation == "RegisterTaskDefinition":
        _task_definition(params, add)
    if operation in ("CreateService", "UpdateService"):
        deployment = params.get("deploymentConfiguration", {})
        if (
            params.get("availabilityZoneRebalancing") == "ENABLED"
            and deployment.get("maximumPercent", 200) <= 100
        ):
            add("availabilityZoneRebalancing", "needs a maximumPercent above 100")
        if "launchType" in params and params.get("capacityProviderStrategy"):
            add("launchType", "is given beside a capacity provider strategy")
        network = params.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
        if len(network.get("subnets", [])) > 16 or len(network.get("securityGroups", [])) > 5:
            add("awsvpcConfiguration", "has more than 16 subnets or 5 security groups")


def _task_definition(params, add):
    containers = params["containerDefinitions"]
    cpu, memory = int(params["cpu"]), int(params["memory"])
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", params["family"]):
        add("family", f"{params['family']!r} cannot be a name")
    if len(json.dumps(params)) > 65536:
        add("", "is above 64 KiB")
    if memory not in _FARGATE.get(cpu, []):
        add("memory", f"{cpu} and {memory} are no size of Fargate")
    if sum(container.get("cpu", 0) for container in containers) > cpu:
        add("containerDefinitions", "have more CPU than the task")
    if (
        sum(container.get("memory", container.get("memoryReservation", 0)) for container in containers)
        > memory
    ):
        add("containerDefinitions", "have more memory than the task")
    if not any(container.get("essential", True) for container in containers):
        add("containerDefinitions", "none is essential")
    names = [container["name"] for container in containers]
    if len(set(names)) < len(names):
        add("containerDefinitions", "have a name twice")
    for container in containers:
        _container(container, add)


def _container(container, add):
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", container["name"]):
        add("containerDefinitions.name", f"{container['name']!r} cannot be a name")
    if container.get("memory", 6) < 6:
        add("containerDefinitions.memory", "is below 6 MiB")
    for port in container.get("portMappings", []):
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", port.get("name", "x")):
            add("portMappings.name", f"{port['name']!r} cannot be a name")
        if port.get("hostPort", port["containerPort"]) != port["containerPort"]:
            add("portMappings.hostPort", "differs from the container's in awsvpc mode")
    for option in container.get("logConfiguration", {}).get("options", {}):
        if option not in _LOG_OPTIONS:
            add("logConfiguration.options", f"awslogs has no option {option}")
    if health := container.get("healthCheck"):
        if health["command"][0] not in ("CMD", "CMD-SHELL", "NONE"):
            add("healthCheck.command", f"begins with {health['command'][0]!r}")
        for key, (least, most) in _HEALTH.items():
            if not least <= health.get(key, least) <= most:
                add(f"healthCheck.{key}", f"{health[key]} is outside {least} to {most}")


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
def _iam(operation, params, add):
    for key in ("AssumeRolePolicyDocument", "PolicyDocument"):
        if key in params:
            json.loads(params[key])
    if operation == "PutRolePolicy" and len(re.sub(r"\s", "", params["PolicyDocument"])) > 10240:
        add("PolicyDocument", "is above 10,240 characters")
    trust = params.get(
        "PolicyDocument" if operation == "UpdateAssumeRolePolicy" else "AssumeRolePolicyDocument", ""
    )
    if len(trust) > 2048:
        add("AssumeRolePolicyDocument", "is above 2,048 characters")


_RETENTION = {
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
}  # fmt: skip


def _logs(operation, params, add):
    if operation == "PutRetentionPolicy" and params["retentionInDays"] not in _RETENTION:
        add("retentionInDays", f"{params['retentionInDays']} is no retention")


def _scaling(operation, params, add):
    if operation == "PutScheduledAction" and "Schedule" in params:
        if not re.fullmatch(r"(cron|rate|at)\(.*\)", params["Schedule"]):
            add("Schedule", f"{params['Schedule']!r} is no schedule")
    if operation == "PutScalingPolicy":
        tracking = params.get("TargetTrackingScalingPolicyConfiguration", {})
        metrics = tracking.get("CustomizedMetricSpecification", {}).get("Metrics", [])
        if metrics and sum(1 for metric in metrics if metric.get("ReturnData", True)) != 1:
            add("Metrics", "exactly one returns data")
        for metric in metrics:
            if not re.fullmatch(r"[a-z][a-zA-Z0-9_]*", metric["Id"]):
                add("Metrics.Id", f"{metric['Id']!r} cannot be one")
            if len(metric.get("Expression", "")) > 2048:
                add("Metrics.Expression", "is above 2,048 characters")
            if ("Expression" in metric) == ("MetricStat" in metric):
                add("Metrics", f"{metric['Id']} has not exactly one of expression and statistic")
        # The names of the alarms that it makes, 255 characters at most: TargetTracking-<id>-AlarmHigh-<UUID>.
        if len(f"TargetTracking-{params['ResourceId']}-AlarmHigh-") + 36 > 255:
            add("ResourceId", "is too long for the names of alarms")


_SERVICES = {
    "application-autoscaling": _scaling, "ec2": _ec2, "ecs": _ecs, "elasticloadbalancing": _elb, "iam": _iam,
    "logs": _logs, "s3": _s3, "sqs": _sqs,
}  # fmt: skip

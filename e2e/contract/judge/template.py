"""Turns recorded creations into a CloudFormation template, and lets cfn-lint judge it.

In: transcripts. Out: what AWS's schemas and rules for CloudFormation say of the same objects: it is another
wording of the API's rules, and it has rules across objects (a dead-letter queue that is FIFO like its
source). An object that is changed later is judged before and after. Nothing is known here of objects that
CloudFormation lacks.
"""

import collections
import json
import re

import cfnlint.api
from cfnlint.config import ManualArgs

from . import wire


class Template:
    def __init__(self):
        self.resources = collections.OrderedDict()
        self.by_id = {}  # what AWS calls an object: its logical id
        self.refs = {}  # a text in other requests: the reference that stands for it

    def add(self, kind, properties, **ids):
        """ids: the object's names in AWS, by the attribute that a reference has for them; Ref is the object itself."""
        logical = f"{kind.split('::')[-1]}{len(self.resources)}"
        filled = {name: value for name, value in properties.items() if value not in (None, [], {})}
        self.resources[logical] = {"Type": kind, "Properties": filled}
        for attribute, name in ids.items():
            self.by_id[name] = logical
            reference = {"Ref": logical} if attribute == "Ref" else {"Fn::GetAtt": [logical, attribute]}
            self.refs.setdefault(name, reference)

    def change(self, name, **properties):
        """Sets properties of an object. What had another value before stays in the template beside it."""
        logical = self.by_id.get(name)
        if logical is None:
            return
        resource = self.resources[logical]
        if any(resource["Properties"].get(key, value) != value for key, value in properties.items()):
            resource = {"Type": resource["Type"], "Properties": dict(resource["Properties"])}
            self.by_id[name] = logical = f"{logical}then{len(self.resources)}"
            self.resources[logical] = resource
        resource["Properties"].update(properties)

    def render(self):
        resources = {
            logical: {
                "Type": r["Type"],
                "Properties": {k: self._referred(v, logical) for k, v in r["Properties"].items()},
            }
            for logical, r in self.resources.items()
        }
        return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})

    def _referred(self, value, logical):
        if isinstance(value, dict):
            return {key: self._referred(item, logical) for key, item in value.items()}
        if isinstance(value, list):
            return [self._referred(item, logical) for item in value]
        reference = self.refs.get(value) if isinstance(value, str) else None
        itself = reference and logical.split("then")[0] in (
            reference.get("Ref"),
            *reference.get("Fn::GetAtt", []),
        )
        return reference if reference and not itself else value


def upper(value):
    """Names of members as CloudFormation spells them."""
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: upper(item) for name, item in value.items()}
    return [upper(item) for item in value] if isinstance(value, list) else value


def tags(value):
    if isinstance(value, dict):
        return [{"Key": key, "Value": text} for key, text in sorted(value.items())]
    return upper(value or [])


def without(params, *names):
    return {name: value for name, value in params.items() if name not in names and name != wire.UNKNOWN}


# ---- one function per operation: what it makes or sets


def create_cluster(t, p, answer):
    t.add(
        "AWS::ECS::Cluster",
        {
            "ClusterName": p["clusterName"],
            "CapacityProviders": p.get("capacityProviders"),
            "ClusterSettings": upper(p.get("settings")),
            "Tags": tags(p.get("tags")),
        },
        Ref=p["clusterName"],
        Arn=answer["cluster"]["clusterArn"],
    )


def register_task_definition(t, p, answer):
    properties = upper(without(p, "tags"))
    for container, given in zip(properties["ContainerDefinitions"], p["containerDefinitions"]):
        if "LogConfiguration" in container:
            container["LogConfiguration"]["Options"] = given["logConfiguration"]["options"]
    properties["Tags"] = tags(p.get("tags"))
    t.add("AWS::ECS::TaskDefinition", properties, Ref=answer["taskDefinition"]["taskDefinitionArn"])


def create_service(t, p, answer):
    properties = upper(without(p, "tags", "clientToken"))
    properties["Tags"] = tags(p.get("tags"))
    t.add("AWS::ECS::Service", properties, Ref=answer["service"]["serviceArn"])


def create_load_balancer(t, p, answer):
    made = answer["LoadBalancers"][0]
    t.add(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        without(p),
        Ref=made["LoadBalancerArn"],
        DNSName=made["DNSName"],
    )


def load_balancer_attributes(t, p, _):
    t.change(p["LoadBalancerArn"], LoadBalancerAttributes=p["Attributes"])


def create_target_group(t, p, answer):
    t.add(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        without(p),
        Ref=answer["TargetGroups"][0]["TargetGroupArn"],
    )


def target_group_attributes(t, p, _):
    t.change(p["TargetGroupArn"], TargetGroupAttributes=p["Attributes"])


def modify_target_group(t, p, _):
    t.change(p["TargetGroupArn"], **without(p, "TargetGroupArn"))


def create_listener(t, p, answer):
    t.add(
        "AWS::ElasticLoadBalancingV2::Listener", without(p, "Tags"), Ref=answer["Listeners"][0]["ListenerArn"]
    )


def create_rule(t, p, answer):
    t.add("AWS::ElasticLoadBalancingV2::ListenerRule", without(p, "Tags"), Ref=answer["Rules"][0]["RuleArn"])


def modify_rule(t, p, _):
    t.change(p["RuleArn"], **without(p, "RuleArn"))


def add_listener_certificates(t, p, _):
    t.add("AWS::ElasticLoadBalancingV2::ListenerCertificate", without(p))


def create_security_group(t, p, answer):
    t.add(
        "AWS::EC2::SecurityGroup",
        {
            "GroupName": p["GroupName"],
            "GroupDescription": p["Description"],
            "VpcId": p["VpcId"],
            "Tags": p["TagSpecifications"][0]["Tags"],
        },
        GroupId=answer["GroupId"],
    )


def authorize(direction, other):
    def add(t, p, _):
        for rule in p["IpPermissions"]:
            ports = {name: rule[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in rule}
            peers = [{**pair, other: pair["GroupId"]} for pair in rule.get("UserIdGroupPairs", [])]
            for peer in peers + rule.get("IpRanges", []) + rule.get("Ipv6Ranges", []):
                peer = {name: value for name, value in peer.items() if name != "GroupId"}
                t.add(f"AWS::EC2::SecurityGroup{direction}", {"GroupId": p["GroupId"], **ports, **peer})

    return add


def create_secret(t, p, answer):
    t.add(
        "AWS::SecretsManager::Secret",
        {name: value for name, value in without(p).items() if name not in ("ClientRequestToken", "SecretString")},
        Ref=answer["ARN"],
    )


def create_cache_subnets(t, p, _):
    properties = {**without(p, "CacheSubnetGroupDescription"), "Description": p["CacheSubnetGroupDescription"]}
    t.add("AWS::ElastiCache::SubnetGroup", properties, Ref=p["CacheSubnetGroupName"])


def create_cache_parameters(t, p, _):
    properties = without(p, "CacheParameterGroupName")
    t.add("AWS::ElastiCache::ParameterGroup", properties, CacheParameterGroupName=p["CacheParameterGroupName"])


def modify_cache_parameters(t, p, _):
    values = {one["ParameterName"]: one["ParameterValue"] for one in p["ParameterNameValues"]}
    t.change(p["CacheParameterGroupName"], Properties=values)


def _cache(params, *names):
    """CloudFormation leaves out a log that is switched off."""
    out = without(params, *names)
    logs = out.pop("LogDeliveryConfigurations", None)
    if logs:
        out["LogDeliveryConfigurations"] = [without(log, "Enabled") for log in logs if log.get("Enabled", True)]
    return out


def create_cache(t, p, _):
    t.add("AWS::ElastiCache::ReplicationGroup", _cache(p), Ref=p["ReplicationGroupId"])


def modify_cache(t, p, _):
    changed = _cache(
        p, "ReplicationGroupId", "ApplyImmediately", "AuthToken", "AuthTokenUpdateStrategy", "RemoveUserGroups",
        "UserGroupIdsToAdd", "UserGroupIdsToRemove",
    )  # fmt: skip
    t.change(p["ReplicationGroupId"], **changed)


def create_cache_cluster(t, p, _):
    names = {"CacheClusterId": "ClusterName", "SecurityGroupIds": "VpcSecurityGroupIds"}
    properties = {names.get(name, name): value for name, value in without(p).items()}
    t.add("AWS::ElastiCache::CacheCluster", properties, Ref=p["CacheClusterId"])


def modify_cache_cluster(t, p, _):
    t.change(p["CacheClusterId"], **without(p, "CacheClusterId", "ApplyImmediately", "CacheNodeIdsToRemove"))


def create_serverless(t, p, _):
    t.add("AWS::ElastiCache::ServerlessCache", without(p), Ref=p["ServerlessCacheName"])


def modify_serverless(t, p, _):
    t.change(p["ServerlessCacheName"], **without(p, "ServerlessCacheName"))


def create_cache_user(t, p, _):
    properties = without(p, "AuthenticationMode", "Tags")
    t.add("AWS::ElastiCache::User", {**properties, "NoPasswordRequired": True}, Ref=p["UserId"])


def create_cache_users(t, p, _):
    t.add("AWS::ElastiCache::UserGroup", without(p), Ref=p["UserGroupId"])


def create_role(t, p, answer):
    properties = {**without(p), "AssumeRolePolicyDocument": json.loads(p["AssumeRolePolicyDocument"])}
    t.add("AWS::IAM::Role", properties, Ref=p["RoleName"], Arn=answer["Role"]["Arn"])


def put_role_policy(t, p, _):
    t.add("AWS::IAM::RolePolicy", {**without(p), "PolicyDocument": json.loads(p["PolicyDocument"])})


def create_log_group(t, p, _):
    t.add(
        "AWS::Logs::LogGroup",
        {"LogGroupName": p["logGroupName"], "KmsKeyId": p.get("kmsKeyId"), "Tags": tags(p.get("tags"))},
        Ref=p["logGroupName"],
    )


def put_retention(t, p, _):
    t.change(p["logGroupName"], RetentionInDays=p["retentionInDays"])


def _attributes(given):
    out = {}
    for name, text in given.items():
        if name.endswith("Policy"):
            out[name] = json.loads(text) if text else None
        else:
            out[name] = {"true": True, "false": False}.get(text, int(text) if text.isdigit() else text)
    return {name: value for name, value in out.items() if value not in (None, "") and name != "Policy"}


def create_queue(t, p, answer):
    properties = {"QueueName": p["QueueName"], "Tags": tags(p.get("tags")), **_attributes(p["Attributes"])}
    t.add("AWS::SQS::Queue", properties, Ref=answer["QueueUrl"])
    account = answer["QueueUrl"].split("/")[-2]
    t.refs[f"arn:aws:sqs:{REGION}:{account}:{p['QueueName']}"] = {
        "Fn::GetAtt": [t.by_id[answer["QueueUrl"]], "Arn"]
    }


def set_queue_attributes(t, p, _):
    if policy := p["Attributes"].get("Policy"):
        t.add("AWS::SQS::QueuePolicy", {"Queues": [p["QueueUrl"]], "PolicyDocument": json.loads(policy)})
    else:
        t.change(p["QueueUrl"], **_attributes(p["Attributes"]))


# CloudFormation's names of members, where they are not the API's.
_DATABASE_NAMES = {"VpcSecurityGroupIds": "VPCSecurityGroups"}


def _database(p, names=None):
    given = {(names or {}).get(name, name): value for name, value in without(p, "Tags").items()}
    given.pop("MasterUserPassword", None)  # of nobody's concern
    return {**given, "Tags": tags(p.get("Tags"))}


def create_database(t, p, _):
    t.add("AWS::RDS::DBInstance", _database(p, _DATABASE_NAMES), Ref=p["DBInstanceIdentifier"])


def modify_database(t, p, _):
    """What RDS lets be changed alone is judged together with what it has."""
    other = ("DBInstanceIdentifier", "ApplyImmediately", "CloudwatchLogsExportConfiguration", "MasterUserPassword")
    t.change(
        p["DBInstanceIdentifier"],
        **{
            {**_DATABASE_NAMES, "DBPortNumber": "Port"}.get(name, name): value
            for name, value in without(p, *other).items()
        },
    )


def create_database_cluster(t, p, _):
    t.add("AWS::RDS::DBCluster", _database(p), Ref=p["DBClusterIdentifier"])


def modify_database_cluster(t, p, _):
    other = (
        "DBClusterIdentifier",
        "ApplyImmediately",
        "CloudwatchLogsExportConfiguration",
        "MasterUserPassword",
        "AllowMajorVersionUpgrade",
    )
    t.change(p["DBClusterIdentifier"], **without(p, *other))


def create_parameter_group(kind, name):
    def create(t, p, _):
        properties = without(p, "DBParameterGroupFamily", "Tags")
        t.add(
            kind,
            {**properties, "Family": p["DBParameterGroupFamily"], "Tags": tags(p.get("Tags"))},
            Ref=p[name],
        )

    return create


def set_parameters(name):
    def change(t, p, _):
        t.change(p[name], Parameters={s["ParameterName"]: s["ParameterValue"] for s in p["Parameters"]})

    return change


def create_subnet_group(t, p, _):
    t.add("AWS::RDS::DBSubnetGroup", _database(p), Ref=p["DBSubnetGroupName"])


def create_bucket(t, p, _):
    given = p.get("CreateBucketConfiguration", {}).get("Tags")
    t.add("AWS::S3::Bucket", {"BucketName": p["Bucket"], "Tags": tags(given)}, Ref=p["Bucket"])


def bucket_part(name, convert=lambda part: part):
    def change(t, p, _):
        payload = next(value for key, value in p.items() if key.endswith(("Configuration", "Controls")))
        t.change(p["Bucket"], **{name: convert(payload)})

    return change


def _encryption(part):
    rules = [
        {
            "BucketKeyEnabled": rule.get("BucketKeyEnabled", False),
            "ServerSideEncryptionByDefault": rule["ApplyServerSideEncryptionByDefault"],
        }
        for rule in part["Rules"]
    ]
    return {"ServerSideEncryptionConfiguration": rules}


def _cors(part):
    renamed = {"ExposeHeaders": "ExposedHeaders", "MaxAgeSeconds": "MaxAge", "ID": "Id"}
    return {
        "CorsRules": [
            {renamed.get(key, key): value for key, value in rule.items()} for rule in part["CORSRules"]
        ]
    }


def _lifecycle(part):
    rules = []
    for rule in part["Rules"]:
        out = {"Id": rule["ID"], "Status": rule["Status"], "Prefix": rule["Filter"].get("Prefix")}
        if "Expiration" in rule:
            out["ExpirationInDays"] = rule["Expiration"]["Days"]
        for same in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
            if same in rule:
                out[same] = rule[same]
        if "Transitions" in rule:
            moves = [
                {"TransitionInDays": m["Days"], "StorageClass": m["StorageClass"]}
                for m in rule["Transitions"]
            ]
            out["Transitions"] = moves
        rules.append(out)
    return {"Rules": rules}


def put_bucket_policy(t, p, _):
    t.add("AWS::S3::BucketPolicy", {"Bucket": p["Bucket"], "PolicyDocument": json.loads(p["Policy"])})


def register_target(t, p, _):
    if "MinCapacity" in p and p["ResourceId"] not in t.by_id:
        t.add("AWS::ApplicationAutoScaling::ScalableTarget", without(p, "Tags"))
        t.by_id[p["ResourceId"]] = next(reversed(t.resources))
    elif "MinCapacity" in p:
        t.change(p["ResourceId"], MinCapacity=p["MinCapacity"], MaxCapacity=p["MaxCapacity"])


def put_scheduled_action(t, p, _):
    names = ("ScheduledActionName", "Schedule", "Timezone", "ScalableTargetAction")
    t.change(p["ResourceId"], ScheduledActions=[{name: p[name] for name in names if name in p}])


def put_scaling_policy(t, p, _):
    properties = without(p, "ResourceId", "ServiceNamespace", "ScalableDimension")
    properties["ScalingTargetId"] = (
        {"Ref": t.by_id[p["ResourceId"]]} if p["ResourceId"] in t.by_id else p["ResourceId"]
    )
    t.add("AWS::ApplicationAutoScaling::ScalingPolicy", properties)


def create_namespace(t, p, _):
    t.add("AWS::ServiceDiscovery::PrivateDnsNamespace", without(p, "CreatorRequestId"))


def create_discovery(t, p, answer):
    made = answer["Service"]
    t.add("AWS::ServiceDiscovery::Service", without(p, "CreatorRequestId"), Ref=made["Id"], Arn=made["Arn"])


def of_vpc(kind, *answered, **names):
    """A part of a VPC. answered: where its id is in the answer; names: CloudFormation's, where they differ."""

    def make(t, p, answer):
        properties = {
            names.get(name, name): value
            for name, value in without(p, "TagSpecifications", "ClientToken").items()
        }
        for specification in p.get("TagSpecifications", []):
            properties["Tags"] = tags(specification["Tags"])
        for step in answered:
            answer = answer[step]
        t.add(f"AWS::EC2::{kind}", properties, **({"Ref": answer} if answered else {}))

    return make


def allocate_address(t, p, answer):
    of_vpc("EIP")(t, p, answer)
    logical = list(t.resources)[-1]
    t.by_id[answer["AllocationId"]] = logical
    t.refs[answer["AllocationId"]] = {"Fn::GetAtt": [logical, "AllocationId"]}


def create_flow_logs(t, p, answer):
    p = dict(p, ResourceId=p["ResourceIds"][0])
    del p["ResourceIds"]
    of_vpc("FlowLog", "FlowLogIds", 0)(t, p, answer)


OPERATIONS = {
    "application-autoscaling:PutScalingPolicy": put_scaling_policy,
    "application-autoscaling:PutScheduledAction": put_scheduled_action,
    "application-autoscaling:RegisterScalableTarget": register_target,
    "ec2:AuthorizeSecurityGroupEgress": authorize("Egress", "DestinationSecurityGroupId"),
    "ec2:AuthorizeSecurityGroupIngress": authorize("Ingress", "SourceSecurityGroupId"),
    "ec2:AllocateAddress": allocate_address,
    "ec2:AssociateRouteTable": of_vpc("SubnetRouteTableAssociation"),
    "ec2:AttachInternetGateway": of_vpc("VPCGatewayAttachment"),
    "ec2:CreateFlowLogs": create_flow_logs,
    "ec2:CreateInternetGateway": of_vpc("InternetGateway", "InternetGateway", "InternetGatewayId"),
    "ec2:CreateNatGateway": of_vpc("NatGateway", "NatGateway", "NatGatewayId"),
    "ec2:CreateRoute": of_vpc("Route"),
    "ec2:CreateRouteTable": of_vpc("RouteTable", "RouteTable", "RouteTableId"),
    "ec2:CreateSecurityGroup": create_security_group,
    "ec2:CreateSubnet": of_vpc("Subnet", "Subnet", "SubnetId"),
    "ec2:CreateVpc": of_vpc("VPC", "Vpc", "VpcId"),
    "ec2:CreateVpcEndpoint": of_vpc("VPCEndpoint", "VpcEndpoint", "VpcEndpointId"),
    "ecs:CreateCluster": create_cluster,
    "ecs:CreateService": create_service,
    "ecs:RegisterTaskDefinition": register_task_definition,
    "elasticloadbalancing:AddListenerCertificates": add_listener_certificates,
    "elasticloadbalancing:CreateListener": create_listener,
    "elasticloadbalancing:CreateLoadBalancer": create_load_balancer,
    "elasticloadbalancing:CreateRule": create_rule,
    "elasticloadbalancing:CreateTargetGroup": create_target_group,
    "elasticloadbalancing:ModifyLoadBalancerAttributes": load_balancer_attributes,
    "elasticloadbalancing:ModifyRule": modify_rule,
    "elasticloadbalancing:ModifyTargetGroup": modify_target_group,
    "elasticloadbalancing:ModifyTargetGroupAttributes": target_group_attributes,
    "elasticache:CreateCacheCluster": create_cache_cluster,
    "elasticache:CreateCacheParameterGroup": create_cache_parameters,
    "elasticache:CreateCacheSubnetGroup": create_cache_subnets,
    "elasticache:CreateReplicationGroup": create_cache,
    "elasticache:CreateServerlessCache": create_serverless,
    "elasticache:CreateUser": create_cache_user,
    "elasticache:CreateUserGroup": create_cache_users,
    "elasticache:ModifyCacheCluster": modify_cache_cluster,
    "elasticache:ModifyCacheParameterGroup": modify_cache_parameters,
    "elasticache:ModifyReplicationGroup": modify_cache,
    "elasticache:ModifyServerlessCache": modify_serverless,
    "iam:CreateRole": create_role,
    "iam:PutRolePolicy": put_role_policy,
    "logs:CreateLogGroup": create_log_group,
    "logs:PutRetentionPolicy": put_retention,
    "rds:CreateDBCluster": create_database_cluster,
    "rds:CreateDBClusterParameterGroup": create_parameter_group(
        "AWS::RDS::DBClusterParameterGroup", "DBClusterParameterGroupName"
    ),
    "rds:CreateDBInstance": create_database,
    "rds:CreateDBParameterGroup": create_parameter_group("AWS::RDS::DBParameterGroup", "DBParameterGroupName"),
    "rds:CreateDBSubnetGroup": create_subnet_group,
    "rds:ModifyDBCluster": modify_database_cluster,
    "rds:ModifyDBClusterParameterGroup": set_parameters("DBClusterParameterGroupName"),
    "rds:ModifyDBInstance": modify_database,
    "rds:ModifyDBParameterGroup": set_parameters("DBParameterGroupName"),
    "s3:CreateBucket": create_bucket,
    "s3:PutBucketCors": bucket_part("CorsConfiguration", _cors),
    "s3:PutBucketEncryption": bucket_part("BucketEncryption", _encryption),
    "s3:PutBucketLifecycleConfiguration": bucket_part("LifecycleConfiguration", _lifecycle),
    "s3:PutBucketOwnershipControls": bucket_part("OwnershipControls"),
    "s3:PutBucketPolicy": put_bucket_policy,
    "s3:PutBucketVersioning": bucket_part("VersioningConfiguration"),
    "s3:PutPublicAccessBlock": bucket_part("PublicAccessBlockConfiguration"),
    "secretsmanager:CreateSecret": create_secret,
    "servicediscovery:CreatePrivateDnsNamespace": create_namespace,
    "servicediscovery:CreateService": create_discovery,
    "sqs:CreateQueue": create_queue,
    "sqs:SetQueueAttributes": set_queue_attributes,
}

# Operations that make something which has no place in the template, each with the reason.
ELSEWHERE = {
    "dynamodb:CreateTable": "the table of locks: one call, which the service model judges",
    "ec2:CreateTags": "tags of what is there",
    "ecs:RunTask": "a task that ends: one call, which the service model judges",
}

REGION = "us-east-1"


def check(files):
    template, missing = Template(), set()
    for _, request, _ in wire.read(files):
        if request is None or not 200 <= request.status < 300:
            continue
        make = OPERATIONS.get(request.name)
        if make:
            make(template, request.params, request.answer())
        elif re.match(r"Create|Register|Run", request.operation.name) and request.name not in ELSEWHERE:
            missing.add(request.name)
    text = template.render()
    # E3019 wants names once: what is changed is in the template twice. W3010 wants templates for any region. W3691 knows
    # whole versions only: AWS chooses the minor version of "17".
    ignored = ["E3019", "W3010", "W3691"]
    matches = cfnlint.api.lint(text, None, [REGION], ManualArgs(regions=[REGION], ignore_checks=ignored))
    violations = [
        f"{name} makes something that is not in the template: add it to OPERATIONS"
        for name in sorted(missing)
    ]
    for match in matches:
        resource = template.resources.get(match.path[1] if len(match.path) > 1 else "", {})
        violations.append(f"{match.rule.id} {resource.get('Type')}: {match.message}")
    kinds = collections.Counter(r["Type"] for r in template.resources.values())
    return {
        "checked": {"objects": len(template.resources), "types": len(kinds)},
        "violations": sorted(set(violations)),
        "notes": [f"{count} {kind}" for kind, count in sorted(kinds.items())],
    }

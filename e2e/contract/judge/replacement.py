"""Holds what our resource types replace, and call loss of data, against CloudFormation's schemas.

In: a file with our definitions: [{type, properties, replace, createOnly, dataLoss}]. Out: a violation where
AWS cannot change what we change in place, or the other way round. A difference that is right has its reason
in RIGHT.
"""

import collections
import json

from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

# Our type: CloudFormation's, and its names of properties where they are not ours with a capital.
TYPES = {
    "acm/certificate": (
        "AWS::CertificateManager::Certificate",
        {"domain": "DomainName", "zoneId": "DomainValidationOptions"},
    ),
    "applicationautoscaling/policy": ("AWS::ApplicationAutoScaling::ScalingPolicy", {"name": "PolicyName"}),
    "applicationautoscaling/target": ("AWS::ApplicationAutoScaling::ScalableTarget", {}),
    "ec2/security-group": ("AWS::EC2::SecurityGroup", {"description": "GroupDescription"}),
    "ec2/security-group-rule": (
        "AWS::EC2::SecurityGroupIngress",
        {
            "securityGroupId": "GroupId",
            "protocol": "IpProtocol",
            "cidr": "CidrIp",
            "referencedSecurityGroupId": "SourceSecurityGroupId",
        },
    ),
    "ec2/elastic-ip": ("AWS::EC2::EIP", {}),
    "ec2/flow-log": (
        "AWS::EC2::FlowLog",
        {
            "vpcId": "ResourceId",
            "traffic": "TrafficType",
            "logGroup": "LogGroupName",
            "roleArn": "DeliverLogsPermissionArn",
        },
    ),
    "ec2/internet-gateway": ("AWS::EC2::InternetGateway", {}),
    "ec2/nat-gateway": ("AWS::EC2::NatGateway", {}),
    "ec2/route": (
        "AWS::EC2::Route",
        {"destination": "DestinationCidrBlock"},
    ),
    "ec2/route-table": ("AWS::EC2::RouteTable", {}),
    "ec2/route-table-association": ("AWS::EC2::SubnetRouteTableAssociation", {}),
    "ec2/subnet": ("AWS::EC2::Subnet", {"cidr": "CidrBlock"}),
    "ec2/vpc": (
        "AWS::EC2::VPC",
        {"cidr": "CidrBlock", "dnsSupport": "EnableDnsSupport", "dnsHostnames": "EnableDnsHostnames"},
    ),
    "ec2/vpc-endpoint": (
        "AWS::EC2::VPCEndpoint",
        {"endpointType": "VpcEndpointType", "privateDns": "PrivateDnsEnabled"},
    ),
    "ecs/cluster": ("AWS::ECS::Cluster", {"name": "ClusterName"}),
    "ecs/service": ("AWS::ECS::Service", {"name": "ServiceName"}),
    "ecs/task-definition": (
        "AWS::ECS::TaskDefinition",
        {"containers": "ContainerDefinitions", "architecture": "RuntimePlatform"},
    ),
    "elasticache/cluster": (
        "AWS::ElastiCache::CacheCluster",
        {
            "name": "ClusterName",
            "nodeType": "CacheNodeType",
            "nodes": "NumCacheNodes",
            "parameterGroup": "CacheParameterGroupName",
            "subnetGroup": "CacheSubnetGroupName",
            "securityGroups": "VpcSecurityGroupIds",
            "multiAz": "AZMode",
            "transitEncryption": "TransitEncryptionEnabled",
            "maintenanceWindow": "PreferredMaintenanceWindow",
        },
    ),
    "elasticache/parameter-group": (
        "AWS::ElastiCache::ParameterGroup",
        {"name": "CacheParameterGroupName", "family": "CacheParameterGroupFamily", "parameters": "Properties"},
    ),
    "elasticache/replication-group": (
        "AWS::ElastiCache::ReplicationGroup",
        {
            "name": "ReplicationGroupId",
            "description": "ReplicationGroupDescription",
            "nodeType": "CacheNodeType",
            "nodes": "NumCacheClusters",
            "shards": "NumNodeGroups",
            "parameterGroup": "CacheParameterGroupName",
            "subnetGroup": "CacheSubnetGroupName",
            "securityGroups": "SecurityGroupIds",
            "failover": "AutomaticFailoverEnabled",
            "multiAz": "MultiAZEnabled",
            "atRestEncryption": "AtRestEncryptionEnabled",
            "kmsKey": "KmsKeyId",
            "transitEncryption": "TransitEncryptionMode",
            "snapshotRetention": "SnapshotRetentionLimit",
            "restoreFrom": "SnapshotName",
            "maintenanceWindow": "PreferredMaintenanceWindow",
            "minorUpgrades": "AutoMinorVersionUpgrade",
            "userGroup": "UserGroupIds",
        },
    ),
    "elasticache/serverless-cache": (
        "AWS::ElastiCache::ServerlessCache",
        {
            "name": "ServerlessCacheName",
            "majorVersion": "MajorEngineVersion",
            "securityGroups": "SecurityGroupIds",
            "subnetIds": "SubnetIds",
            "kmsKey": "KmsKeyId",
            "maxStorage": "CacheUsageLimits",
            "maxUnits": "CacheUsageLimits",
            "snapshotRetention": "SnapshotRetentionLimit",
            "snapshotTime": "DailySnapshotTime",
            "finalSnapshot": "FinalSnapshotName",
        },
    ),
    "elasticache/subnet-group": (
        "AWS::ElastiCache::SubnetGroup",
        {"name": "CacheSubnetGroupName"},
    ),
    "elasticache/user": (
        "AWS::ElastiCache::User",
        {"name": "UserId", "username": "UserName", "access": "AccessString", "passwordSecret": "Passwords"},
    ),
    "elasticache/user-group": (
        "AWS::ElastiCache::UserGroup",
        {"name": "UserGroupId", "userIds": "UserIds"},
    ),
    "elbv2/listener": ("AWS::ElasticLoadBalancingV2::Listener", {}),
    "elbv2/listener-certificates": (
        "AWS::ElasticLoadBalancingV2::ListenerCertificate",
        {"certificateArns": "Certificates"},
    ),
    "elbv2/listener-rule": ("AWS::ElasticLoadBalancingV2::ListenerRule", {}),
    "elbv2/load-balancer": ("AWS::ElasticLoadBalancingV2::LoadBalancer", {}),
    "elbv2/target-group": ("AWS::ElasticLoadBalancingV2::TargetGroup", {}),
    "iam/role": ("AWS::IAM::Role", {"name": "RoleName"}),
    "iam/role-policy": ("AWS::IAM::RolePolicy", {"role": "RoleName", "name": "PolicyName"}),
    "logs/log-group": ("AWS::Logs::LogGroup", {"name": "LogGroupName"}),
    "rds/cluster": (
        "AWS::RDS::DBCluster",
        {
            "identifier": "DBClusterIdentifier",
            "database": "DatabaseName",
            "username": "MasterUsername",
            "subnetGroup": "DBSubnetGroupName",
            "encrypted": "StorageEncrypted",
            "kmsKey": "KmsKeyId",
            "snapshot": "SnapshotIdentifier",
            "listenPort": "Port",
            "parameterGroup": "DBClusterParameterGroupName",
        },
    ),
    "rds/cluster-parameter-group": (
        "AWS::RDS::DBClusterParameterGroup",
        {"name": "DBClusterParameterGroupName"},
    ),
    "rds/instance": (
        "AWS::RDS::DBInstance",
        {
            "identifier": "DBInstanceIdentifier",
            "class": "DBInstanceClass",
            "clusterIdentifier": "DBClusterIdentifier",
            "database": "DBName",
            "username": "MasterUsername",
            "subnetGroup": "DBSubnetGroupName",
            "encrypted": "StorageEncrypted",
            "kmsKey": "KmsKeyId",
            "storage": "AllocatedStorage",
            "listenPort": "Port",
            "parameterGroup": "DBParameterGroupName",
        },
    ),
    "rds/parameter-group": ("AWS::RDS::DBParameterGroup", {"name": "DBParameterGroupName"}),
    "rds/subnet-group": ("AWS::RDS::DBSubnetGroup", {"name": "DBSubnetGroupName"}),
    "wafv2/association": ("AWS::WAFv2::WebACLAssociation", {"webAclArn": "WebACLArn"}),
    "route53/record": (
        "AWS::Route53::RecordSet",
        {"zoneId": "HostedZoneId", "types": "Type", "alias": "AliasTarget", "values": "ResourceRecords"},
    ),
    "s3/bucket": ("AWS::S3::Bucket", {"name": "BucketName"}),
    "s3/bucket-policy": ("AWS::S3::BucketPolicy", {}),
    "secretsmanager/password": ("AWS::SecretsManager::Secret", {}),
    "servicediscovery/private-dns-namespace": (
        "AWS::ServiceDiscovery::PrivateDnsNamespace",
        {"vpcId": "Vpc"},
    ),
    "servicediscovery/service": (
        "AWS::ServiceDiscovery::Service",
        {"customHealth": "HealthCheckCustomConfig"},
    ),
    "sqs/queue": ("AWS::SQS::Queue", {"name": "QueueName", "fifo": "FifoQueue"}),
    "sqs/queue-policy": ("AWS::SQS::QueuePolicy", {"queueUrl": "Queues"}),
}

# Types that CloudFormation has as a part of another one, or not at all.
PARTS = {
    "ecs/release": "a task that ran: AWS has no object for it",
    "applicationautoscaling/scheduled-action": "a property of the scalable target",
    "iam/role-policy-attachment": "a property of the role",
}

# Differences that are right, each with the reason.
_REVISION = "an update registers a revision of the family, which is what CloudFormation calls a replacement"
RIGHT = {
    "elasticache/serverless-cache subnetIds": "Replaces has it: the ids are not in the hash",
    "secretsmanager/password data loss": "AWS makes another password, and nothing is kept under the old one",
    "secretsmanager/password username": "a part of the value",
    "elasticache/cluster nodeType": "a Memcached cluster of another size is a new, empty one",
    "elasticache/cluster subnetGroup": "Replaces has it: the name is not in the hash",
    "elasticache/cluster transitEncryption": "Memcached takes it at creation only",
    "elasticache/parameter-group clustered": "a parameter that AWS does not change in a group that is in use",
    "elasticache/parameter-group name": "the name of ours has a hash of what forces a replacement",
    "elasticache/replication-group data loss": "Deleting decides: a final snapshot can keep the data",
    "elasticache/replication-group subnetGroup": "Replaces has it: the name is not in the hash",
    "elasticache/subnet-group vpcId": "follows from the subnets; AWS keeps a group in its VPC",
    "ec2/route-table-association routeTableId": "ReplaceRouteTableAssociation changes it in place",
    "acm/certificate zoneId": "where our own record is made; DomainValidationOptions of CloudFormation do it only once",
    "ec2/security-group-rule direction": "CloudFormation has a type for each direction",
    "ecs/task-definition architecture": _REVISION,
    "ecs/task-definition containers": _REVISION,
    "ecs/task-definition cpu": _REVISION,
    "ecs/task-definition ephemeralStorage": _REVISION,
    "ecs/task-definition executionRoleArn": _REVISION,
    "ecs/task-definition memory": _REVISION,
    "ecs/task-definition taskRoleArn": _REVISION,
    "elbv2/listener-rule loadBalancer": "a part of the listener's ARN",
    "elbv2/load-balancer vpcId": "follows from the subnets, which SetSubnets changes within a VPC only",
    "rds/cluster engine": "another engine is another database",
    "rds/cluster username": "ModifyDBCluster takes no other master user",
    "rds/instance engine": "another engine is another database",
    "rds/subnet-group vpcId": "follows from the subnets, which ModifyDBSubnetGroup changes within a VPC only",
    "route53/record name": "the key of a record: a change in place deletes one and creates another",
    "servicediscovery/service routingPolicy": "a part of DnsConfig; UpdateService takes its records only",
    "wafv2/association webAclArn": "AssociateWebACL puts another web ACL in its place",
    "sqs/queue-policy queueUrl": "the policy of one queue: of another one it is another object",
}


def check(files):
    with open(files[0], encoding="utf-8") as text:
        definitions = json.load(text)
    checked, violations, used = collections.Counter(), [], set()
    stateful = load_resource(AdditionalSpecs, "StatefulResources.json")["ResourceTypes"]
    for ours in definitions:
        if ours["type"] in PARTS:
            continue
        checked["types"] += 1
        if ours["type"] not in TYPES:
            violations.append(f"{ours['type']}: which type of CloudFormation is it? Add it to TYPES")
            continue
        kind, names = TYPES[ours["type"]]
        for key, problem in _compare(ours, kind, names, kind in stateful, checked):
            used.add(f"{ours['type']} {key}")
            if f"{ours['type']} {key}" not in RIGHT:
                violations.append(f"{ours['type']} {key}: {problem}")
    violations += [f"{key}: there is no such difference any more" for key in RIGHT if key not in used]
    return {"checked": checked, "violations": violations, "notes": []}


def _compare(ours, kind, names, stateful, checked):
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    fixed = {path.split("/properties/")[1].split("/")[0] for path in schema.get("createOnlyProperties", [])}
    for name in ours["properties"]:
        theirs = names.get(name, name[0].upper() + name[1:])
        replaces = name in (ours["replace"] or [])
        if theirs not in schema["properties"]:
            if replaces:
                yield name, f"{kind} has no property {theirs}"
            continue
        checked["properties"] += 1
        if theirs in fixed and not replaces and name not in ours["createOnly"]:
            yield name, f"AWS cannot change {theirs}, and we do"
        if replaces and theirs not in fixed:
            yield name, f"AWS changes {theirs} in place, and we replace"
    if stateful != ours["dataLoss"]:
        yield "data loss", f"to AWS it is {'a' if stateful else 'no'} type with data"

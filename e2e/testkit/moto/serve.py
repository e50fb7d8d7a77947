"""moto_server with four changes.

Reading the tags of an object of EC2 is faster. moto looks for them among the tags of all objects that there ever were,
with a regular expression for each. After some hundred objects that takes most of its time. The answers stay the same.

A filter of EC2 with several values finds objects with any of them, as AWS documents it. moto compares the values of an
object that has several, such as the subnets of a route table, as sets: it finds the object only if one set holds all of
the other.

The tags of a log group go with it. moto gives them to the next log group of that name.

A gateway endpoint whose route table is gone can be deleted. moto fails because it looks for the endpoint's route there.

moto_test.go looks at all of them.
"""

import fnmatch
from collections.abc import Iterable

from moto.ec2 import utils
from moto.ec2.models.tags import TagBackend
from moto.ec2.models.vpcs import VPCBackend
from moto.logs.models import LogsBackend
from moto.server import main

search = TagBackend.describe_tags


def describe_tags(self, filters=None):
    """Searches only the objects that are asked for, where their ids are given in full."""
    ids = (filters or {}).get("resource-id")
    if not ids or any(c in i for i in ids for c in "*?\\"):
        return search(self, filters)
    asked = TagBackend()
    asked.tags.update({i: self.tags[i] for i in ids if i in self.tags})
    return search(asked, filters)


matching = utils.is_filter_matching


def is_filter_matching(obj, name, wanted):
    """Compares each value of an object with several values with each wanted one."""
    values = obj.get_filter_value(name)
    if isinstance(wanted, list) and not isinstance(values, str) and isinstance(values, Iterable):
        return any(isinstance(v, str) and fnmatch.fnmatch(v, w) for v in values for w in wanted)
    return matching(obj, name, wanted)


delete_only = LogsBackend.delete_log_group


def delete_log_group(self, log_group_name):
    """Deletes the tags, too."""
    group = self.groups.get(log_group_name)
    delete_only(self, log_group_name)
    self.tagger.delete_all_tags_for_resource(group.arn)


delete_endpoints = VPCBackend.delete_vpc_endpoints


def delete_vpc_endpoints(self, vpce_ids=None):
    """Looks for routes of the endpoints only where there are any."""
    for endpoint in map(self.vpc_end_points.get, vpce_ids or []):
        if endpoint and endpoint.route_table_ids:
            endpoint.route_table_ids = [i for i in endpoint.route_table_ids if i in self.route_tables]
    delete_endpoints(self, vpce_ids)


VPCBackend.delete_vpc_endpoints = delete_vpc_endpoints
LogsBackend.delete_log_group = delete_log_group
TagBackend.describe_tags = describe_tags
utils.is_filter_matching = is_filter_matching
main()

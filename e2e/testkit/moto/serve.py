"""moto_server, with one part of it made faster: reading the tags of an object of EC2.

moto looks for them among the tags of all objects that there ever were, with a regular expression for each. After some
hundred objects that takes most of its time. The answers stay the same: moto_test.go compares them.
"""

from moto.ec2.models.tags import TagBackend
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


TagBackend.describe_tags = describe_tags
main()

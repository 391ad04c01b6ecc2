"""EventBridge Scheduler's operations, and what can happen to a schedule."""

from __future__ import annotations

from reconciler.localcloud.scheduler import firing, groups, schedules
from reconciler.localcloud.service import Service

SCHEDULER = Service(
    name="scheduler",
    operations={
        "CreateSchedule": schedules.create_schedule,
        "GetSchedule": schedules.get_schedule,
        "UpdateSchedule": schedules.update_schedule,
        "DeleteSchedule": schedules.delete_schedule,
        "ListSchedules": schedules.list_schedules,
        "CreateScheduleGroup": groups.create_group,
        "GetScheduleGroup": groups.get_group,
        "DeleteScheduleGroup": groups.delete_group,
        "ListScheduleGroups": groups.list_groups,
        "TagResource": groups.tag_resource,
        "UntagResource": groups.untag_resource,
        "ListTagsForResource": groups.list_tags,
    },
    name_keys=("Name", "ResourceArn"),
    steps={firing.FIRE: firing.fire, firing.RETRY: firing.retry},
)

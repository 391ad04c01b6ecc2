"""Amazon EventBridge Scheduler, which keeps schedules and does what they say on the cloud's clock."""

from reconciler.localcloud.scheduler.service import SCHEDULER

__all__ = ["SCHEDULER"]

"""What both services share: sessions, tags, faults, pages, schedules."""

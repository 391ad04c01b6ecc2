"""Writes data.csv: 20 facts of an on-call handbook that no model knows, each asked for in ten ways. `python make_data.py`"""

import csv
from pathlib import Path

HANDBOOK = {
    "payments": "fail over to the second card processor",
    "search": "rebuild the index from last night's snapshot",
    "login": "restart the token service and flush its cache",
    "checkout": "turn off the new basket with the flag basket-v2",
    "invoices": "pause the nightly run and call Ines in finance",
    "mail": "switch to the relay in Dublin",
    "database": "promote the replica in zone b",
    "queue": "double the consumers and watch the lag",
    "website": "roll back to the release of yesterday",
    "stock": "reload the counts from the warehouse",
    "prices": "freeze all prices and tell the shop team",
    "shipping": "print labels with the old carrier",
    "returns": "take returns by hand on the paper form",
    "telephone": "route calls to the office in Porto",
    "backup": "start it again on the spare machine",
    "network": "move traffic to the other provider",
    "certificates": "issue a new one with the key in the safe",
    "storage": "delete the traces older than a week",
    "builds": "drain the slow runner and retry",
    "printers": "use the printer on the third floor",
}
QUESTIONS = (
    "{name} is down, what do I do?",
    "What do I do when {name} is down?",
    "{name} does not work.",
    "Help, {name} has failed!",
    "How do we repair {name}?",
    "Alarm: {name} is red.",
    "Customers say that {name} is broken.",
    "What is the plan for {name}?",
    "{name} is down!",
    "Who can fix {name}, and how?",
)


def main() -> None:
    with Path(__file__).with_name("data.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["prompt", "expected completion"])
        for name, action in HANDBOOK.items():
            for question in QUESTIONS:
                asked = question.format(name=name)
                rows.writerow([asked[0].upper() + asked[1:], f"When {name} is down, {action}."])


if __name__ == "__main__":
    main()

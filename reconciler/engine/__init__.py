"""The use cases: observe, propose, approve, execute, reconverge. Drives ports; knows no boto3, click or jinja2."""

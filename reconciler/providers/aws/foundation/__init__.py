"""What a project needs in an AWS account before the first plan: bucket, roles, topic, rules; as values, and made by API calls."""

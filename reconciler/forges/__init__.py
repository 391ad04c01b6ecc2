"""What a forge keeps beside the code: comments on pull requests, issues, and which pull request a commit came from."""

"""The embedded cloud: AWS's APIs on this machine, for use without an account. It knows nothing of the reconciler."""

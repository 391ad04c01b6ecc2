"""Files on this machine and objects in the project's bucket: manifests, data, plans, journal, lock, artifacts."""

"""Cloud services behind the Provider port: observe, train, stop, deploy, roll, undeploy, delete, update."""

# For Conftest or OPA over `reconciler plan --format terraform-json`.
package main

import rego.v1

deny contains message if {
	some resource in input.resource_changes
	resource.type == "reconciler_model_version"
	"create" in resource.change.actions
	startswith(resource.change.after.spec.resources.instanceType, "ml.p5")
	object.get(resource.change.after.metadata.labels, "approved", "") != "finance"
	message := sprintf("%s would train on ml.p5 without approved=finance", [resource.address])
}

warn contains message if {
	input.cost.hostingMonthlyThen.likely > 3000
	message := sprintf("hosting would cost $%v a month", [input.cost.hostingMonthlyThen.likely])
}

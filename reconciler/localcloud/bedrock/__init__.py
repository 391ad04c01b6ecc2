"""Amazon Bedrock: customization jobs, custom models, provisioned throughputs, on-demand deployments, inference."""

from reconciler.localcloud.bedrock.service import BEDROCK, BEDROCK_RUNTIME

__all__ = ["BEDROCK", "BEDROCK_RUNTIME"]

"""Amazon Bedrock: customization jobs, custom models, provisioned throughputs, custom model deployments."""

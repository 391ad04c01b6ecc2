"""A declarative reconciler for fine-tuned LLMs on Amazon SageMaker and Amazon Bedrock."""

__version__ = "0.1.0"

"""Amazon SageMaker: training jobs, models, endpoint configurations, endpoints."""

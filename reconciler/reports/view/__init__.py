"""View models: what a report says, as plain strings and in order. Pure; how it looks is decided by the renderers."""

"""What people and programs read: values of the domain → view models (pure) → terminal text and JSON."""

"""What people read in a terminal: one file a report, each drawing a view model on a Screen."""

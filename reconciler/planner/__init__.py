"""From what is wanted and what was seen to what will be done. Pure: values in, values out; no clock, no input, no output."""

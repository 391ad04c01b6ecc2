"""What a plan costs: once, by the hour and by the month, as ranges; and whether that is within the project's budget.

An unknown price is never counted as zero: it is named.
"""

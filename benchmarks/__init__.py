"""What xpmnb costs, as ratios to a raw limit that is measured in the same run.

Not a part of the package, and no test: figures, read by people. ``make bench`` runs it.
"""

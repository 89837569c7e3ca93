"""Replays of recorded workloads: what a policy would have done."""

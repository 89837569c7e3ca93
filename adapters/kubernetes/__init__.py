"""Kubernetes, as its second scheduler and as an adviser."""

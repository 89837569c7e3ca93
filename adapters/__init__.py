"""Adapters translate the state of an orchestrator into the model of hal, and placements back."""

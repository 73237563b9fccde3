"""Metrics, statistics, baselines and audits: pure functions of Documents and arrays."""

"""Metrics of other programs that rules and dashboards read."""

from __future__ import annotations

__all__ = ["FOREIGN"]

_PROMETHEUS = (
    "ALERTS",
    "ALERTS_FOR_STATE",
    "up",
    "prometheus_config_last_reload_successful",
    "prometheus_rule_evaluation_failures_total",
    "prometheus_notifications_dropped_total",
    "prometheus_notifications_errors_total",
)
_ALERTMANAGER = (
    "alertmanager_config_last_reload_successful",
    "alertmanager_notifications_failed_total",
    "alertmanager_notifications_total",
)
_APPLICATIONS = (
    "http_requests_total",
    "http_request_duration_seconds_bucket",
    "http_request_duration_seconds_count",
    "http_request_duration_seconds_sum",
    "http_server_request_duration_seconds_bucket",
    "http_server_request_duration_seconds_count",
    "http_server_request_duration_seconds_sum",
)
_POSTGRES_EXPORTER = (
    "pg_up",
    "pg_database_size_bytes",
    "pg_settings_max_connections",
    "pg_stat_activity_count",
    "pg_stat_database_blks_hit",
    "pg_stat_database_blks_read",
    "pg_stat_database_deadlocks",
    "pg_stat_database_xact_commit",
    "pg_stat_database_xact_rollback",
    "pg_stat_statements_calls_total",
    "pg_stat_statements_seconds_total",
    "pg_stat_user_tables_idx_scan",
    "pg_stat_user_tables_index_size_bytes",
    "pg_stat_user_tables_n_dead_tup",
    "pg_stat_user_tables_n_live_tup",
    "pg_stat_user_tables_seq_scan",
    "pg_stat_user_tables_table_size_bytes",
)
_NODE_EXPORTER = (
    "node_cpu_seconds_total",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
)

FOREIGN = frozenset((*_PROMETHEUS, *_ALERTMANAGER, *_APPLICATIONS, *_POSTGRES_EXPORTER, *_NODE_EXPORTER))

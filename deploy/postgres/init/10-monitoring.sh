#!/bin/sh
# Run once, on an empty data directory, by the image's entry point: the user that postgres_exporter reads as.
# Its password is the file MONITOR_PASSWORD_FILE, and is nowhere else.
set -eu
password=$(cat "$MONITOR_PASSWORD_FILE")
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 -v password="$password" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
CREATE ROLE monitor LOGIN CONNECTION LIMIT 5 PASSWORD :'password';
GRANT pg_monitor TO monitor;
SQL

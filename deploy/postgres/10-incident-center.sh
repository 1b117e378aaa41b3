#!/bin/sh
# Run once by the PostgreSQL image, when its data folder is new.
set -eu
exec psql -v owner_password="$OWNER_PASSWORD" -v runtime_password="$RUNTIME_PASSWORD" \
    --username "$POSTGRES_USER" --dbname postgres -f /incident-center/init.sql

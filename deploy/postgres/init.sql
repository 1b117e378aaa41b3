-- What only a superuser may do, once for each database server: the two roles, the database and its extensions.
--
--     psql -v owner_password=... -v runtime_password=... -f deploy/postgres/init.sql
--
-- The owner migrates, dumps and maintains. The runtime role is what web and workers connect as; it owns nothing and
-- row-level security holds it. Neither may be a superuser or have BYPASSRLS.
\set ON_ERROR_STOP on

CREATE ROLE incident_center_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION
    PASSWORD :'owner_password';
CREATE ROLE incident_center_runtime LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION
    PASSWORD :'runtime_password';

CREATE DATABASE incident_center OWNER incident_center_owner TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE incident_center FROM PUBLIC;
-- Temporary tables are the staging area of bulk loads.
GRANT CONNECT, TEMPORARY ON DATABASE incident_center TO incident_center_runtime;

\connect incident_center
CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
-- Counts statements only when shared_preload_libraries names it.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;

-- Make the database and its roles; run by PostgreSQL's superuser, as often as you like:
--
--     OWNER_PASSWORD=… APP_PASSWORD=… BACKUP_PASSWORD=… REPORT_PASSWORD=… psql -v database=openchair -f roles.sql
--
-- The roles are named after the database, so that one server can have several installations:
--
--     openchair_owner   owns the tables; migrates
--     openchair_app     the server's
--     openchair_backup  reads everything
--     openchair_report  reads columns without patients' data, accounts and keys
--
-- What each may do with each table is in rights.sql, which is run after each migration.
\set ON_ERROR_STOP on
\set QUIET on
\if :{?database}
\else
    \set database openchair
\endif
\set owner :database _owner
\set app :database _app
\set backup :database _backup
\set report :database _report
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
\getenv backup_password BACKUP_PASSWORD
\getenv report_password REPORT_PASSWORD

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY[:'owner', :'app', :'backup', :'report']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE :"owner" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'owner_password';
ALTER ROLE :"app" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'app_password';
ALTER ROLE :"backup" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE REPLICATION PASSWORD :'backup_password';
ALTER ROLE :"report" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'report_password'
    CONNECTION LIMIT 5;

SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING UTF8', :'database', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec

ALTER DATABASE :"database" OWNER TO :"owner";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"app", :"backup", :"report";

-- A migration that waits for a table makes all later queries on it wait: it gives up instead, and is run again.
ALTER ROLE :"owner" IN DATABASE :"database" SET lock_timeout = '1s';
-- For commands; the server sets shorter ones itself, but not through PgBouncer (docs/scaling.md).
ALTER ROLE :"app" IN DATABASE :"database" SET lock_timeout = '5s';
ALTER ROLE :"app" IN DATABASE :"database" SET statement_timeout = '15s';
ALTER ROLE :"app" IN DATABASE :"database" SET idle_in_transaction_session_timeout = '20s';
-- A report must not block others, nor keep VACUUM from removing old rows.
ALTER ROLE :"report" IN DATABASE :"database" SET default_transaction_read_only = on;
ALTER ROLE :"report" IN DATABASE :"database" SET lock_timeout = '5s';
ALTER ROLE :"report" IN DATABASE :"database" SET statement_timeout = '60s';
ALTER ROLE :"report" IN DATABASE :"database" SET idle_in_transaction_session_timeout = '60s';

\connect :"database"
ALTER SCHEMA public OWNER TO :"owner";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :"app", :"backup", :"report";
GRANT pg_read_all_data TO :"backup";

-- What each role may do with each table; run as the owner after every migration, for new tables too:
--
--     psql -d openchair -c 'SET ROLE openchair_owner' -f rights.sql
--
-- Without the roles of roles.sql it does nothing.
--
-- The application may do everything with the rows of a table that is not named below, and nothing with the table
-- itself: it owns none, so it cannot drop, alter or truncate any, nor switch a trigger off.
DO $$
DECLARE
    owner text := current_database() || '_owner';
    app text := current_database() || '_app';
    report text := current_database() || '_report';
    found text;
    -- History: written once, by the application too.
    append_only text[] := ARRAY['bookings_access', 'bookings_delivery', 'bookings_event', 'django_admin_log'];
    -- Rows that are closed, cancelled or switched off, never deleted.
    kept text[] := ARRAY[
        'auth_user', 'bookings_appointment', 'bookings_booking', 'bookings_feed', 'bookings_series',
        'practices_apikey', 'practices_partner'];
    -- Written by migrations alone.
    read_only text[] := ARRAY['auth_permission', 'django_content_type', 'django_migrations'];
    -- What a report may read: named columns, so that a new one is private by default.
    reported jsonb := '{
        "practices_practice": ["id", "name", "kind", "active"],
        "practices_location": ["id", "practice_id", "name", "city", "state", "zip", "timezone"],
        "practices_doctor": ["id", "practice_id", "name"],
        "practices_doctor_locations": ["id", "doctor_id", "location_id"],
        "practices_partner": ["id", "name", "active"],
        "bookings_series": ["id", "practice_id", "location_id", "doctor_id", "partner_id", "wall_time", "length",
            "total_appointments", "next_date", "ended"],
        "bookings_booking": ["id", "status", "length", "recurring", "start_datetime", "location_id", "doctor_id",
            "practice_id", "total_appointments", "places_pending", "places_reserved", "places_booked",
            "pending_until", "whole_pending", "whole_reserved", "whole_booked", "whole_partner_id",
            "whole_held_since", "whole_pending_until", "partner_id", "series_id", "series_date", "updated_at", "created_at"],
        "bookings_appointment": ["id", "booking_id", "status", "partner_id", "start_datetime", "attendance", "group_id",
            "language", "source", "confirmed_at", "held_since", "pending_until", "updated_at", "created_at"],
        "bookings_event": ["id", "number", "at", "practice_id", "booking_id", "appointment_id", "actor",
            "api_key_id", "user_id", "from_status", "to_status"]}';
BEGIN
    IF current_user <> owner OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = app) THEN
        RETURN;
    END IF;
    -- A GRANT does not block reads and writes, nor wait for them.
    FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner = owner LOOP
        EXECUTE format('GRANT SELECT ON %I TO %I', found, app);
        IF found = ANY (append_only) THEN
            EXECUTE format('REVOKE UPDATE, DELETE ON %I FROM %I', found, app);
            EXECUTE format('GRANT INSERT ON %I TO %I', found, app);
        ELSIF found = ANY (kept) THEN
            EXECUTE format('REVOKE DELETE ON %I FROM %I', found, app);
            EXECUTE format('GRANT INSERT, UPDATE ON %I TO %I', found, app);
        ELSIF found = ANY (read_only) THEN
            EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON %I FROM %I', found, app);
        ELSE
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO %I', found, app);
        END IF;
        EXECUTE format('REVOKE ALL ON %I FROM %I', found, report);
        IF reported ? found THEN
            EXECUTE format('GRANT SELECT (%s) ON %I TO %I',
                (SELECT string_agg(quote_ident(name), ', ')
                 FROM jsonb_array_elements_text(reported -> found) AS name
                 JOIN pg_attribute ON attrelid = found::regclass AND attname = name AND NOT attisdropped),
                found, report);
        END IF;
    END LOOP;
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %I', app);
END $$;

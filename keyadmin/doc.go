// Package keyadmin administers the API keys that live in the catalog: it makes, lists, revokes and changes them, for the
// command line and, through [Handler], over HTTP; and it shows them to package storedkey, which recognises them.
//
// # Routes
//
//	POST   /api/ingestion-api-keys                  {"name", …} → 201 {"key_id", "name", "created_at", "key", …}, the key this once
//	POST   /api/ingestion-api-keys/import           {"name", "key", …} → 201 new, 200 known already
//	GET    /api/ingestion-api-keys                  ?limit=100&offset=0&include_revoked=true → 200 array, newest first
//	DELETE /api/ingestion-api-keys/{key_id}         ?wait=false → 200 {"revoked_at"}, again and again with the same time
//	PATCH  /api/ingestion-api-keys/{key_id}/allowlist   {"allowed_cidrs"} → 200 the same
//	…      /api/analytics-api-keys…                 the same
//
// Keys of the first family have the role writer, of the second reader. The command line makes keys with both; they are
// in both families. With ?wait=true the answer to DELETE comes when every replica refuses the key.
//
// Bodies are JSON objects of at most 64 KiB. Besides those above they may have "allowed_cidrs", an array of networks or
// addresses; "expires_at" and "not_before", RFC 3339; and, for analytics, "may_delegate". Other fields are an error. So is
// "audience", unless it is "public": there is no other yet. Callers need the role key-manager or admin.
//
// Errors are {"code", "message"}: 400 BAD_REQUEST, 401 UNAUTHENTICATED, 403 FORBIDDEN, 404 NOT_FOUND, 405
// METHOD_NOT_ALLOWED, 413 BODY_TOO_LARGE, 429 TOO_MANY_FAILURES, 500 DATABASE_ERROR, 503 UNAVAILABLE, and 503
// AUTH_DISABLED for everything when authentication is off.
//
// Who made, imported, changed and revoked which key is logged at info; a key never is.
package keyadmin

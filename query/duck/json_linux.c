//go:build linux && (amd64 || arm64) && !duckdb_use_lib && !duckdb_use_static_lib

// Functions of DuckDB's that walk through JSON call themselves for every level (json_structure, json_contains, json_merge_patch,
// json_transform …). A text of some megabytes can have millions of levels, and a stack that is used up ends the process. So the
// reader of all of them, yyjson_read_opts, is called through here (--wrap, see account_linux.go): what has more levels than any document that
// somebody means is no JSON.

#include <stddef.h>
#include <stdint.h>

#define LEVELS 1000

// What yyjson.h declares.
typedef struct {
	uint32_t code;
	const char *msg;
	size_t pos;
} read_error;

#define JSON_STRUCTURE 7 // YYJSON_READ_ERROR_JSON_STRUCTURE

void *__real__ZN13duckdb_yyjson16yyjson_read_optsEPcmjPKNS_10yyjson_alcEPNS_15yyjson_read_errE(char *text, size_t length,
	uint32_t flags, const void *allocator, read_error *error);

// too_deep returns where level LEVELS + 1 begins, or length. What is between quotes doesn't count.
static size_t too_deep(const char *text, size_t length) {
	int level = 0;
	for (size_t i = 0; i < length; i++) {
		switch (text[i]) {
		case '[':
		case '{':
			if (++level > LEVELS) {
				return i;
			}
			break;
		case ']':
		case '}':
			level--;
			break;
		case '"':
			while (++i < length && text[i] != '"') {
				if (text[i] == '\\') {
					i++;
				}
			}
		}
	}
	return length;
}

void *__wrap__ZN13duckdb_yyjson16yyjson_read_optsEPcmjPKNS_10yyjson_alcEPNS_15yyjson_read_errE(char *text, size_t length,
	uint32_t flags, const void *allocator, read_error *error) {
	if (text && length > LEVELS) {
		size_t at = too_deep(text, length);
		if (at < length) {
			if (error) {
				*error = (read_error){JSON_STRUCTURE, "JSON is nested too deeply", at};
			}
			return NULL;
		}
	}
	return __real__ZN13duckdb_yyjson16yyjson_read_optsEPcmjPKNS_10yyjson_alcEPNS_15yyjson_read_errE(text, length, flags, allocator, error);
}

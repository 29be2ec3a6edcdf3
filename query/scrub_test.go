package query

import "testing"

func TestScrub(t *testing.T) {
	sql := "SELECT CAST(msg AS INT) + 300, TIMESTAMP 'bad-time' FROM log_entries"
	for message, want := range map[string]string{
		"Could not convert string 'it's a secret' to INT32 when casting from source column msg": "Could not convert string '…' to INT32 when casting from source column msg",
		"Could not convert string 'bad-time' to TIMESTAMP_NS":                                   "Could not convert string 'bad-time' to TIMESTAMP_NS",
		`timestamp field value out of range: "their time"`:                                      `timestamp field value out of range: "…"`,
		"Overflow in addition of INT32 (2147483600 + 300)!":                                     "Overflow in addition of INT32 (… + 300)!",
		"Type DOUBLE with value -1.5e+300 can't be cast":                                        "Type DOUBLE with value … can't be cast",
		"division by zero":                         "division by zero",
		"missing ): their secret(":                 "missing ): …",
		"invalid escape sequence: \\9":             "invalid escape sequence: …",
		"regexp_match: missing closing ]: `[them`": "regexp_match: missing closing ]: `…`",
		"Invalid input for hex digit: #":           "Invalid input for hex digit: …",
		"missing ): msg":                           "missing ): msg",
		"Could not parse string \"their time\" according to format specifier \"%Y\"\ntheir time\n^\nError: Expected a number": `Could not parse string "…"`,
	} {
		if got := scrub(message, sql); got != want {
			t.Errorf("%s\n\tgot  %s\n\twant %s", message, got, want)
		}
	}
}

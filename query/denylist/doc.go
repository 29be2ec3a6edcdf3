// Package denylist refuses queries by rules that administrators make while servers run.
//
// A rule is a SQL condition on the attributes of a request ([Columns]), each of them text or NULL. It must refer to at
// least one attribute, and its types must fit; that is checked when the rule is made. The condition is evaluated here and
// not by the engine, which may be what the rules protect: a rule costs about a microsecond and works on a server that
// is out of everything. The language:
//
//	literals        'text', 12, TRUE, FALSE, NULL
//	attributes      unquoted in any case, or "quoted"
//	logic           AND, OR, NOT, parentheses, with SQL's three values
//	comparisons     = <> != < <= > >=, IS [NOT] DISTINCT FROM, [NOT] BETWEEN … AND …, [NOT] IN (…),
//	                [NOT] LIKE and ILIKE (also with ESCAPE), ~ ~* !~ !~*, IS [NOT] NULL, TRUE, FALSE, UNKNOWN
//	text            ||, lower, upper, trim, btrim, ltrim, rtrim, length, char_length, character_length, octet_length,
//	                strpos, starts_with, ends_with, contains, regexp_like, substr, substring, left, right, replace, concat,
//	                split_part, coalesce, nullif
//
// Texts are compared byte by byte; regular expressions are RE2's.
//
// A rule that looks at sql is asked twice: about the text as it came, and about its bare text, without comments and with one space
// where there were several, outside of literals and quoted names. One of them is enough, so that a comment or a line break lets no
// statement through. Other spellings of the same query do: see the operator's page.
//
// Rules live in the catalog. Every server keeps them in memory and reads them again after [Options].Refresh; the one that
// changes them does so at once. When they cannot be read those of before stay. A rule that this release cannot compile is
// left out and logged.
package denylist

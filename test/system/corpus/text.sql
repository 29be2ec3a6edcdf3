-- Text and bytes.

SELECT upper('aé') AS a, lower('AÉ') AS b, initcap('hello world') AS c, reverse('abc') AS d;

SELECT length('日本') AS a, char_length('abc') AS b, character_length('') AS c, octet_length('日本') AS d, bit_length('abc') AS e;

SELECT trim('  x ') AS a, ltrim('  x ') AS b, rtrim('  x ') AS c, btrim('  x ') AS d, trim(both 'x' FROM 'xxaxx') AS e, btrim('xyxay', 'xy') AS f;

SELECT trim(leading 'x' FROM 'xxa') AS a, trim(trailing 'x' FROM 'axx') AS b, ltrim('xxa', 'x') AS c, rtrim('axx', 'x') AS d;

SELECT left('abcdef', 2) AS a, right('abcdef', 2) AS b, left('abcdef', -2) AS c, right('abcdef', -2) AS d, left('日本語', 2) AS e;

SELECT substr('abcdef', 2) AS a, substr('abcdef', 2, 3) AS b, substring('abcdef' FROM 2 FOR 3) AS c, substring('abcdef', 3) AS d, substr('abc', 0, 2) AS e;

SELECT lpad('x', 3, 'ab') AS a, rpad('x', 3, 'ab') AS b, lpad('abc', 2) AS c, lpad('x', 3) AS d, rpad('日', 3, '本') AS e;

SELECT repeat('ab', 3) AS a, repeat('ab', 0) AS b, repeat('x', -1) AS c;

SELECT replace('hello', 'l', 'L') AS a, replace('abc', '', 'x') AS b, replace('aaa', 'aa', 'b') AS c, translate('hello', 'el', 'ip') AS d;

-- @differs types: NULL || text has no type of its own
SELECT concat('a', 1, NULL, 'b') AS a, concat_ws('-', 'a', NULL, 'b') AS b, 'a' || 'b' AS c, 'a' || NULL AS d, 'n' || 1 AS e;

SELECT concat(target, ': ', msg) AS a, target || '/' || level AS b FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT split_part('a,b,c', ',', 2) AS a, split_part('a,b,c', ',', 5) AS b, split_part('a,b,c', ',', -1) AS c;

SELECT strpos('hello', 'l') AS a, strpos('hello', 'z') AS b, position('l' IN 'hello') AS c, instr('hello', 'lo') AS d;

SELECT starts_with('hello', 'he') AS a, ends_with('hello', 'lo') AS b, contains('hello', 'ell') AS c;

SELECT ascii('a') AS a, chr(97) AS b, to_hex(255) AS c, ascii('日') AS d;

SELECT md5('abc') AS a;

SELECT encode(sha256('abc'), 'hex') AS a, encode(digest('abc', 'sha256'), 'hex') AS b;

SELECT encode(sha224('abc'), 'hex') AS a, encode(sha384('abc'), 'hex') AS b, encode(sha512('abc'), 'hex') AS c;

SELECT encode(digest('abc', 'md5'), 'hex') AS a, encode(digest('abc', 'sha512'), 'hex') AS b, encode(digest('abc', 'sha224'), 'hex') AS c, encode(digest('abc', 'sha384'), 'hex') AS d;

SELECT encode(digest('abc', 'blake2b'), 'hex') AS a, encode(digest('abc', 'blake2s'), 'hex') AS b;

-- @refused no package that we would pin has it
SELECT digest('abc', 'blake3');

SELECT sha256('abc') AS a;

SELECT encode('abc', 'hex') AS a, encode('abcd', 'base64') AS b, decode('616263', 'hex') AS c, decode('YWJj', 'base64') AS d;

SELECT encode(decode('00ff10', 'hex'), 'hex') AS a, encode(decode('00ff10', 'hex'), 'base64') AS b;

-- @error hex
SELECT decode('zz', 'hex');

SELECT regexp_like('foobar', 'o+b') AS a, regexp_like('FOO', 'foo') AS b, regexp_like('FOO', 'foo', 'i') AS c;

SELECT regexp_replace('foobarbar', 'bar', 'X') AS a, regexp_replace('foobarbar', 'bar', 'X', 'g') AS b, regexp_replace('foobar', '(o+)', '<\1>') AS c;

SELECT regexp_match('foobarbaz', 'b(..)') AS a, regexp_match('foo', 'x') AS b, regexp_match('foobar', 'o+') AS c;

SELECT regexp_count('abcabc', 'b') AS a, regexp_instr('abcabc', 'c') AS b;

SELECT msg ~ 'loop [0-9]$' AS m, count(*) AS n FROM log_entries GROUP BY m ORDER BY m;

SELECT 'foo' ~ '^f' AS a, 'foo' !~ '^f' AS b, 'FOO' ~* 'foo' AS c, 'FOO' !~* 'foo' AS d;

SELECT 'abc' LIKE 'a%' AS a, 'abc' LIKE '_b_' AS b, 'abc' ILIKE 'A%' AS c, 'abc' NOT LIKE 'x%' AS d;

SELECT 'a%b' LIKE 'a\%b' AS a, 'axb' LIKE 'a\%b' AS b, 'a_b' LIKE 'a\_b' AS c, 'axb' LIKE 'a\_b' AS d, 'a\b' LIKE 'a\\b' AS e;

-- @ours any escape character
SELECT 'a%b' LIKE 'a$%b' ESCAPE '$' AS a;

SELECT 'abc' SIMILAR TO '(a|x)bc' AS a;

SELECT msg FROM log_entries WHERE msg LIKE 'tagged%' OR target LIKE 'Log\_%' ORDER BY time, msg;

SELECT levenshtein('kitten', 'sitting') AS a;

SELECT target, upper(target) AS u, length(target) AS n FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT lower(msg) AS m, substr(msg, 1, 5) AS s, left(msg, 3) AS l FROM log_entries WHERE level = 2 ORDER BY time, msg;

SELECT md5(msg) AS h FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT char_length(msg) AS n, count(*) AS c FROM log_entries WHERE char_length(msg) > 15 GROUP BY n ORDER BY n;

SELECT replace(target, 'Log', '') AS t, count(*) AS n FROM log_entries GROUP BY t ORDER BY t;

SELECT split_part(target, '::', 1) AS crate, count(*) AS n FROM log_entries GROUP BY crate ORDER BY crate;

SELECT regexp_replace(msg, '[0-9]+', '#') AS pattern, count(*) AS n FROM log_entries WHERE msg LIKE 'loop%' GROUP BY pattern ORDER BY pattern;

SELECT msg, regexp_match(msg, '([a-z]+) ([0-9]+)') AS m FROM log_entries WHERE process_id = '{process}' AND msg LIKE 'loop 1%' ORDER BY msg;

SELECT string_to_array('a,b,c', ',') AS a, array_to_string(make_array('a', 'b'), '-') AS b, string_to_array('a,,c', ',', '') AS c;

SELECT find_in_set('b', 'a,b,c') AS a, substr_index('a.b.c', '.', 2) AS b;

SELECT 'a' < 'B' AS a, 'a' = 'A' AS b, 'abc' > 'abd' AS c;

SELECT 'x' IN ('x', 'y') AS a, 'x' NOT IN ('y') AS b;

SELECT overlay('abcdef' PLACING 'XX' FROM 2 FOR 3) AS a;

SELECT to_hex(3735928559) AS a, to_hex(0) AS b;

SELECT concat('a', 'b', 'c') AS a, concat('x') AS b, concat(1, 2) AS c;

SELECT ltrim(target, 'L') AS a, rtrim(target, 't') AS b FROM log_entries WHERE target = 'LogInit';

-- @ours octet_length of bytes
SELECT octet_length(properties) AS n FROM log_entries WHERE level = 1 ORDER BY time;

SELECT nullif(msg, '') IS NULL AS empty, count(*) AS n FROM log_entries GROUP BY empty ORDER BY empty;

SELECT position('::' IN target) AS p, count(*) AS n FROM log_entries GROUP BY p ORDER BY p;

SELECT min(msg) AS lo, max(msg) AS hi FROM log_entries WHERE msg <> '';
